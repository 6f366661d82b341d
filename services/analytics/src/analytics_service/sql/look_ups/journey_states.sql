-- The users and clients of each state, and how many of these hold a policy.
WITH counts AS (
    SELECT
        state,
        total_users,
        clients,
        0 AS holders
    FROM journey_members
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
