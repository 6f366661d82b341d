-- Each policy number once, with the date that counts for the journey, and the user whom a claim on it brings to the
-- journey's end: a number that stands for the user, and its state.
WITH people AS (
    SELECT
        id,
        coalesce(min(upper(state)), 'UNKNOWN') AS state,
        row_number() OVER (ORDER BY id) AS user_number
    FROM users
    WHERE id IS NOT NULL
    GROUP BY id
),

keyed AS (
    SELECT
        CASE WHEN $clients_has_id THEN id ELSE user_id END AS customer_id,
        user_id
    FROM clients
),

customers AS (
    -- Each client once, by the key that policies name: clients.id where there is that column, else clients.user_id.
    SELECT
        customer_id,
        min(user_id) AS user_id
    FROM keyed
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

contracts AS (
    SELECT
        policy_number,
        min(customer_id) AS customer_id,
        coalesce(min(created_at), min(start_date), min(issue_date)) AS signed_at
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
)

SELECT
    contracts.policy_number,
    contracts.signed_at,
    people.user_number,
    people.state
FROM contracts
LEFT JOIN customers ON customers.customer_id = contracts.customer_id
LEFT JOIN people ON people.id = customers.user_id
