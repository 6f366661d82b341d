-- How many users of each state there are, how many of them became clients, and how many of these hold a policy.
WITH people AS (
    -- Each user once, with the smallest of its states.
    SELECT
        id,
        coalesce(min(upper(state)), 'UNKNOWN') AS state
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

members AS (
    -- Also of clients without a key.
    SELECT DISTINCT clients.user_id
    FROM clients
    WHERE clients.user_id IS NOT NULL
),

signers AS (
    SELECT DISTINCT policies.customer_id
    FROM policies
    WHERE policies.customer_id IS NOT NULL
),

holders AS (
    SELECT DISTINCT customers.user_id
    FROM customers
    INNER JOIN signers ON signers.customer_id = customers.customer_id
    WHERE customers.user_id IS NOT NULL
)

SELECT
    people.state,
    count(*) AS total_users,
    count(members.user_id) AS clients,
    count(holders.user_id) AS holders
FROM people
LEFT JOIN members ON members.user_id = people.id
LEFT JOIN holders ON holders.user_id = people.id
GROUP BY people.state
