-- Each client once: when its user came, when it came itself, and the first of its policies' dates.
WITH people AS (
    SELECT
        id,
        min(created_at) AS created_at
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
    -- By the key that policies name: clients.id where there is that column, else clients.user_id.
    SELECT
        customer_id,
        min(user_id) AS user_id,
        min(created_at) AS created_at
    FROM keyed
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

holders AS (
    SELECT
        customer_id,
        min(coalesce(created_at, start_date, issue_date)) AS signed_at
    FROM policies
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
)

SELECT
    people.created_at AS user_created_at,
    customers.created_at,
    holders.signed_at
FROM customers
LEFT JOIN people ON people.id = customers.user_id
LEFT JOIN holders ON holders.customer_id = customers.customer_id
WHERE customers.created_at IS NOT NULL
