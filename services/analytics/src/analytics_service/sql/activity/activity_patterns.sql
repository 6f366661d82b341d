-- Shows the window's transactions, in rows of (part, key, events): each hour of the day, each day of the week and each
-- service; and its anomalies, as (part, number, events, expected, z_score), by the window's hours from 0. What holds
-- for the whole window stands in every row.
WITH bounds AS (
    -- Hours are numbered from the year 1, which began on a Monday: the rest by 168 is the hour of the week. Five weeks
    -- more leave no window with numbers below 0.
    SELECT
        841 - $hours + CAST(
            CAST(date_diff('millisecond', CAST(DATE '0001-01-01' AS TIMESTAMP), began_at) AS DOUBLE) / 3600000 AS BIGINT
        ) AS first_hour
    FROM (SELECT date_trunc('hour', CAST($as_of AS TIMESTAMP)) AS began_at) AS newest
),

began AS (
    SELECT
        date_trunc('hour', "timestamp") AS began_at,
        count(*) AS events
    FROM transaction_audit
    WHERE "timestamp" <= $as_of
    GROUP BY date_trunc('hour', "timestamp")
),

hours AS (
    SELECT
        840 + CAST(
            CAST(date_diff('millisecond', CAST(DATE '0001-01-01' AS TIMESTAMP), began_at) AS DOUBLE) / 3600000 AS BIGINT
        ) AS hour,
        events
    FROM began
),

digits (digit) AS (
    VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)
),

numbers AS (
    SELECT 100 * hundreds.digit + 10 * tens.digit + ones.digit AS number
    FROM digits AS hundreds
    CROSS JOIN digits AS tens
    CROSS JOIN digits AS ones
),

seen AS (
    -- Each hour of the window, the empty ones too.
    SELECT
        numbers.number,
        bounds.first_hour + numbers.number AS hour,
        (bounds.first_hour + numbers.number) % 168 AS hour_of_week,
        1 + CAST(floor(CAST((bounds.first_hour + numbers.number) % 168 AS DOUBLE) / 24) AS BIGINT) AS weekday,
        coalesce(hours.events, 0) AS events
    FROM bounds
    CROSS JOIN numbers
    LEFT JOIN hours ON hours.hour = bounds.first_hour + numbers.number
    WHERE numbers.number < $hours
),

day_hours AS (
    SELECT
        hour % 24 AS hour,
        CAST(sum(events) AS BIGINT) AS events
    FROM seen
    GROUP BY hour % 24
),

figures AS (
    SELECT
        CAST(sum(day_hours.events) AS BIGINT) AS total_events,
        min(day_hours.hour) FILTER (WHERE day_hours.events = extremes.most) AS peak_hour,
        min(day_hours.hour) FILTER (WHERE day_hours.events = extremes.least) AS quiet_hour
    FROM day_hours
    CROSS JOIN (SELECT max(events) AS most, min(events) AS least FROM day_hours) AS extremes
),

past AS (
    -- The same hours of the weeks before the window.
    SELECT
        hours.hour % 168 AS hour_of_week,
        sum(CAST(hours.events AS DOUBLE)) AS events,
        sum(CAST(hours.events AS DOUBLE) * hours.events) AS squares
    FROM hours
    CROSS JOIN bounds
    WHERE hours.hour < bounds.first_hour
    GROUP BY hours.hour % 168
),

known AS (
    SELECT
        seen.number,
        seen.events,
        coalesce(past.events, 0) AS past_events,
        coalesce(past.squares, 0) AS past_squares,
        -- How many of them there are from the first transaction's hour to the window's, the empty ones too.
        floor(CAST(bounds.first_hour - 1 - seen.hour_of_week AS DOUBLE) / 168)
        - floor(CAST(oldest.hour - 1 - seen.hour_of_week AS DOUBLE) / 168) AS weeks
    FROM seen
    CROSS JOIN bounds
    CROSS JOIN (SELECT min(hour) AS hour FROM hours) AS oldest
    LEFT JOIN past ON past.hour_of_week = seen.hour_of_week
    WHERE seen.number < $hours - 1
),

expectations AS (
    SELECT
        number,
        events,
        past_events / nullif(weeks, 0) AS expected,
        sqrt(
            greatest(0, weeks * past_squares - past_events * past_events) / nullif(weeks * (weeks - 1), 0)
        ) AS deviation
    FROM known
    WHERE weeks >= 4
),

scores AS (
    SELECT
        number,
        events,
        round_half_away(expected, 2) AS expected,
        round_half_away((events - expected) / greatest(1, deviation), 2) AS z_score
    FROM expectations
),

parts AS (
    SELECT
        'hour' AS part,
        lpad(CAST(hour AS VARCHAR), 2, '0') AS key,
        0 AS number,
        events,
        CAST(NULL AS DOUBLE) AS expected,
        CAST(NULL AS DOUBLE) AS z_score
    FROM day_hours
    UNION ALL
    SELECT 'weekday', CAST(weekday AS VARCHAR), 0, CAST(sum(events) AS BIGINT), NULL, NULL
    FROM seen
    GROUP BY weekday
    UNION ALL
    SELECT 'servicio', coalesce(servicio, 'UNKNOWN'), 0, count(*), NULL, NULL
    FROM transaction_audit
    WHERE "timestamp" >= date_trunc('hour', CAST($as_of AS TIMESTAMP)) - INTERVAL '1' HOUR * ($hours - 1)
    AND "timestamp" <= $as_of
    GROUP BY coalesce(servicio, 'UNKNOWN')
    UNION ALL
    SELECT 'anomaly', '', number, events, expected, z_score
    FROM scores
    WHERE abs(z_score) >= 3
)

SELECT
    parts.part,
    parts.key,
    parts.number,
    parts.events,
    parts.expected,
    parts.z_score,
    figures.total_events,
    CASE WHEN figures.total_events > 0 THEN figures.peak_hour END AS peak_hour,
    CASE WHEN figures.total_events > 0 THEN figures.quiet_hour END AS quiet_hour
FROM parts
CROSS JOIN figures
ORDER BY parts.part, parts.number, parts.key
