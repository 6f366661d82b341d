-- Follows policies by month. One row for each of the 36 months that end with that of as_of, the oldest first, `back` months
-- before it; each row has the growth and the forecast of the window, and 12 of them their calendar month's season_index.
WITH dated AS (
    SELECT
        date_trunc('month', signed_at) AS month,
        premium,
        is_cancelled
    FROM (
        SELECT
            coalesce(start_date, issue_date, created_at) AS signed_at,
            premium,
            upper(status) IN ('CANCELLED', 'CANCELED', 'CANCELADA', 'CANCELADO', 'ANULADA', 'ANULADO') AS is_cancelled
        FROM policies
    ) AS signed
    WHERE signed_at <= $as_of
),

steps (back) AS (
    VALUES
    (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
    (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23),
    (24), (25), (26), (27), (28), (29), (30), (31), (32), (33), (34), (35)
),

months AS (
    SELECT
        back,
        date_trunc('month', $as_of) - back * INTERVAL '1' MONTH AS month
    FROM steps
),

begun AS (
    SELECT
        month,
        count(*) AS policies,
        sum(premium) AS premiums,
        avg(premium) AS average_premium,
        count(*) FILTER (WHERE is_cancelled) AS cancelled
    FROM dated
    GROUP BY month
),

monthly AS (
    SELECT
        months.back,
        months.month,
        coalesce(begun.policies, 0) AS policies,
        coalesce(begun.premiums, 0) AS premiums,
        begun.average_premium,
        coalesce(begun.cancelled, 0) AS cancelled,
        -- Whether it is a whole month of the window, and not before the first policy.
        months.back BETWEEN 1 AND $months - 1 AND months.month >= (SELECT min(begun.month) FROM begun) AS is_on_line
    FROM months
    LEFT JOIN begun ON begun.month = months.month
),

halves AS (
    -- The window's whole months, an odd oldest one left out.
    SELECT
        sum(policies) FILTER (WHERE 2 * back <= $months - 1) AS newer_policies,
        sum(policies) FILTER (WHERE 2 * back > $months - 1) AS older_policies,
        sum(premiums) FILTER (WHERE 2 * back <= $months - 1) AS newer_premiums,
        sum(premiums) FILTER (WHERE 2 * back > $months - 1) AS older_premiums
    FROM monthly
    WHERE back BETWEEN 1 AND 2 * floor(CAST($months - 1 AS DOUBLE) / 2)
),

line AS (
    -- Least squares of policies over months, which are counted from that of as_of; no freedom with fewer than four.
    SELECT
        CASE WHEN count(*) >= 4 THEN count(*) - 2 END AS freedom,
        regr_slope(CAST(policies AS DOUBLE), CAST(-back AS DOUBLE)) AS slope,
        regr_intercept(CAST(policies AS DOUBLE), CAST(-back AS DOUBLE)) AS intercept
    FROM monthly
    WHERE is_on_line
),

residuals AS (
    SELECT sum(power(monthly.policies - line.intercept + line.slope * monthly.back, 2)) AS squares
    FROM monthly
    CROSS JOIN line
    WHERE monthly.is_on_line
),

forecast AS (
    -- One month after that of as_of, within 1.96 residual standard errors.
    SELECT
        CASE WHEN line.freedom IS NOT NULL THEN line.intercept + line.slope END AS policies,
        1.96 * sqrt(residuals.squares / line.freedom) AS margin
    FROM line
    CROSS JOIN residuals
),

seasons AS (
    -- Of the 24 whole months, the newer of each calendar month with the mean of the two.
    SELECT
        newer.back,
        CAST(newer.policies + older.policies AS DOUBLE) / 2 AS mean
    FROM monthly AS newer
    INNER JOIN monthly AS older ON older.back = newer.back + 12
    WHERE newer.back BETWEEN 1 AND 12 AND (SELECT min(begun.month) FROM begun) <= (SELECT month FROM months WHERE back = 24)
)

SELECT
    monthly.back,
    strftime(monthly.month, '%Y-%m') AS month,
    monthly.policies,
    round_half_away(monthly.premiums, 2) AS total_premium,
    round_half_away(monthly.average_premium, 2) AS average_premium,
    CASE WHEN $policies_has_status THEN monthly.cancelled END AS cancelled,
    round_half_away(
        CAST(100 * (halves.newer_policies - halves.older_policies) AS DOUBLE) / nullif(halves.older_policies, 0), 1
    ) AS policies_rate,
    round_half_away(100 * (halves.newer_premiums - halves.older_premiums) / nullif(halves.older_premiums, 0), 1) AS premium_rate,
    round_half_away(seasons.mean / nullif((SELECT avg(mean) FROM seasons), 0), 2) AS season_index,
    round_half_away(CASE WHEN forecast.policies < 0 THEN 0 ELSE forecast.policies END, 2) AS forecast_policies,
    round_half_away(
        CASE WHEN forecast.policies < forecast.margin THEN 0 ELSE forecast.policies - forecast.margin END, 2
    ) AS forecast_lower,
    round_half_away(
        CASE WHEN forecast.policies < -forecast.margin THEN 0 ELSE forecast.policies + forecast.margin END, 2
    ) AS forecast_upper
FROM monthly
CROSS JOIN halves
CROSS JOIN forecast
LEFT JOIN seasons ON seasons.back = monthly.back
ORDER BY monthly.back DESC
