-- Each client once, by the key that policies name: its user, as a number that stands for it, with its state; when the
-- user came, and when the client did.
WITH people AS (
    -- Each user once, made of the smallest value of each column.
    SELECT
        id,
        coalesce(min(upper(state)), 'UNKNOWN') AS state,
        min(created_at) AS created_at,
        row_number() OVER (ORDER BY id) AS user_number
    FROM users
    WHERE id IS NOT NULL
    GROUP BY id
),

keyed AS (
    SELECT
        CASE WHEN $clients_has_id THEN id ELSE user_id END AS customer_id,
        user_id,
        created_at
    FROM clients
),

customers AS (
    -- By clients.id where there is that column, else by clients.user_id.
    SELECT
        customer_id,
        min(user_id) AS user_id,
        min(created_at) AS created_at
    FROM keyed
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
)

SELECT
    customers.customer_id,
    people.user_number,
    people.state,
    people.created_at AS user_created_at,
    customers.created_at
FROM customers
LEFT JOIN people ON people.id = customers.user_id
