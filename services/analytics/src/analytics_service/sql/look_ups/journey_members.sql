-- How many users of each state there are, and how many of them became clients.
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
)

SELECT
    people.state,
    count(*) AS total_users,
    count(members.user_id) AS clients
FROM people
LEFT JOIN members ON members.user_id = people.id
GROUP BY people.state
