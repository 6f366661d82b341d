-- Counts users by role, state, city and month: one row for each group, and one with what the records of all of them lack.
WITH people AS (
    SELECT
        coalesce(upper(role), 'UNKNOWN') AS role,
        coalesce(upper(state), 'UNKNOWN') AS state,
        coalesce(city, 'UNKNOWN') AS city,
        email,
        phone,
        created_at,
        CASE
            WHEN
                created_at <= $as_of
                AND date_trunc('month', created_at) >= date_trunc('month', $as_of) - INTERVAL 11 MONTH
                THEN strftime(created_at, '%Y-%m')
            ELSE 'UNKNOWN'
        END AS month
    FROM users
),

groups AS (
    SELECT
        CASE
            WHEN role IS NOT NULL THEN 'users_by_role'
            WHEN state IS NOT NULL THEN 'users_by_state'
            WHEN city IS NOT NULL THEN 'top_cities'
            WHEN month IS NOT NULL THEN 'monthly_registrations'
            ELSE 'all'
        END AS part,
        coalesce(role, state, city, month) AS name,
        count(*) AS users,
        count(*) FILTER (WHERE created_at > $as_of - INTERVAL 30 DAY AND created_at <= $as_of) AS recent,
        count(*) FILTER (WHERE email IS NULL) AS without_email,
        count(*) FILTER (WHERE phone IS NULL) AS without_phone
    FROM people
    GROUP BY GROUPING SETS ((), (role), (state), (city), (month))
),

ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY part ORDER BY users DESC, name NULLS LAST) AS place
    FROM groups
    WHERE part IN ('users_by_role', 'users_by_state', 'all') OR name <> 'UNKNOWN'
)

SELECT
    part,
    name,
    users,
    recent,
    without_email,
    without_phone,
    -- Rows beyond the first with the same e-mail.
    CASE WHEN part = 'all' THEN (SELECT count(email) - count(DISTINCT lower(email)) FROM users) END AS repeated_emails
FROM ranked
WHERE part <> 'top_cities' OR place <= 10
