-- Counts users by role, state, city and month, and what their records lack: one row for each figure.
WITH people AS (
    SELECT
        coalesce(upper(role), 'UNKNOWN') AS role,
        coalesce(upper(state), 'UNKNOWN') AS state,
        city,
        lower(email) AS email,
        phone,
        CASE WHEN created_at <= $as_of THEN created_at END AS created_at
    FROM users
),

cities AS (
    SELECT
        city,
        count(*) AS users
    FROM people
    WHERE city <> 'UNKNOWN'
    GROUP BY city
    ORDER BY users DESC, city
    LIMIT 10
)

SELECT 'total_users' AS part, NULL AS name, count(*) AS users FROM people
UNION ALL
SELECT 'users_by_role', role, count(*) FROM people GROUP BY role
UNION ALL
SELECT 'users_by_state', state, count(*) FROM people GROUP BY state
UNION ALL
SELECT 'recent_registrations', NULL, count(*) FROM people WHERE created_at > $as_of - INTERVAL 30 DAY
UNION ALL
SELECT 'top_cities', city, users FROM cities
UNION ALL
SELECT 'monthly_registrations', strftime(created_at, '%Y-%m'), count(*)
FROM people
WHERE date_trunc('month', created_at) >= date_trunc('month', $as_of) - INTERVAL 11 MONTH
GROUP BY strftime(created_at, '%Y-%m')
UNION ALL
SELECT 'missing_emails', NULL, count(*) FROM people WHERE email IS NULL
UNION ALL
SELECT 'missing_phones', NULL, count(*) FROM people WHERE phone IS NULL
UNION ALL
SELECT 'duplicate_emails', NULL, count(email) - count(DISTINCT email) FROM people
