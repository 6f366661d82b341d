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

members AS (
    -- Also of clients without a key.
    SELECT DISTINCT clients.user_id
    FROM clients
    WHERE clients.user_id IS NOT NULL
),

counts AS (
    SELECT
        people.state,
        count(*) AS total_users,
        count(members.user_id) AS clients,
        0 AS holders
    FROM people
    LEFT JOIN members ON members.user_id = people.id
    GROUP BY people.state
    UNION ALL
    SELECT state, 0, 0, count(DISTINCT user_number)
    FROM journey_clients
    WHERE is_holder AND user_number IS NOT NULL
    GROUP BY state
)

SELECT
    state,
    CAST(sum(total_users) AS BIGINT) AS total_users,
    CAST(sum(clients) AS BIGINT) AS clients,
    CAST(sum(holders) AS BIGINT) AS holders
FROM counts
GROUP BY state
