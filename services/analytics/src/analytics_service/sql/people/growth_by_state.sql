-- Counts registrations by state: a row for each month that has any, and one for the state with its growth and its place.
WITH people AS (
    SELECT
        coalesce(upper(state), 'UNKNOWN') AS state,
        created_at,
        -- How many calendar months before the one of as_of.
        12 * (extract(YEAR FROM $as_of) - extract(YEAR FROM created_at))
        + extract(MONTH FROM $as_of) - extract(MONTH FROM created_at) AS months_ago,
        -- Months of each half: those before the month of as_of, without an odd oldest one.
        floor(CAST($months - 1 AS DOUBLE) / 2) AS half
    FROM users
),

states AS (
    SELECT
        state,
        count(*) AS total,
        count(*) FILTER (WHERE created_at <= $as_of) AS cumulative,
        count(*) FILTER (WHERE months_ago BETWEEN 1 AND half) AS second_half,
        count(*) FILTER (WHERE months_ago BETWEEN half + 1 AND 2 * half) AS first_half
    FROM people
    GROUP BY state
),

growing AS (
    SELECT
        state,
        total,
        cumulative,
        round_half_away(CAST(100 * (second_half - first_half) AS DOUBLE) / nullif(first_half, 0), 1) AS growth_rate
    FROM states
),

fastest AS (
    SELECT
        state,
        row_number() OVER (ORDER BY growth_rate DESC NULLS LAST, state) AS place
    FROM growing
    WHERE state <> 'UNKNOWN'
),

monthly AS (
    SELECT
        state,
        strftime(created_at, '%Y-%m') AS month,
        count(*) AS users
    FROM people
    WHERE created_at <= $as_of AND months_ago < $months
    GROUP BY state, strftime(created_at, '%Y-%m')
)

SELECT
    growing.state,
    NULL AS month,
    growing.total AS users,
    growing.cumulative,
    growing.growth_rate,
    fastest.place
FROM growing
LEFT JOIN fastest ON fastest.state = growing.state AND fastest.place <= 10
UNION ALL
SELECT
    state,
    month,
    users,
    NULL,
    NULL,
    NULL
FROM monthly
ORDER BY place NULLS LAST
