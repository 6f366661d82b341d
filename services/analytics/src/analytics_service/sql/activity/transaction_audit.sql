-- Describes the audit trail, in rows of (part, key, transactions): each service, each operation, each hour of the day
-- and each of the last thirty days that have any, and 'all'. The figures of the whole trail stand in every row.
WITH totals AS (
    SELECT
        count(*) AS transactions,
        count(user_id) AS with_user,
        count(DISTINCT user_id) AS users,
        count(*) FILTER (WHERE upper(operacion) LIKE '%ERROR%' OR upper(operacion) LIKE '%FAIL%') AS errors
    FROM transaction_audit
),

figures AS (
    SELECT
        transactions AS total_transactions,
        users AS unique_users,
        round_half_away(CAST(with_user AS DOUBLE) / nullif(users, 0), 2) AS transactions_per_user,
        round_half_away(CAST(100 * errors AS DOUBLE) / nullif(transactions, 0), 1) AS error_rate
    FROM totals
),

hours AS (
    SELECT
        date_trunc('hour', "timestamp") AS began_at,
        count(*) AS transactions
    FROM transaction_audit
    WHERE "timestamp" <= $as_of
    GROUP BY date_trunc('hour', "timestamp")
),

parts AS (
    SELECT 'all' AS part, '' AS key, total_transactions AS transactions
    FROM figures
    UNION ALL
    SELECT 'servicio', coalesce(servicio, 'UNKNOWN'), count(*)
    FROM transaction_audit
    GROUP BY coalesce(servicio, 'UNKNOWN')
    UNION ALL
    SELECT 'operacion', coalesce(upper(operacion), 'UNKNOWN'), count(*)
    FROM transaction_audit
    GROUP BY coalesce(upper(operacion), 'UNKNOWN')
    UNION ALL
    SELECT 'hour', strftime(began_at, '%H'), CAST(sum(transactions) AS BIGINT)
    FROM hours
    GROUP BY strftime(began_at, '%H')
    UNION ALL
    SELECT 'day', strftime(began_at, '%Y-%m-%d'), CAST(sum(transactions) AS BIGINT)
    FROM hours
    WHERE began_at >= date_trunc('day', CAST($as_of AS TIMESTAMP)) - INTERVAL '29' DAY
    GROUP BY strftime(began_at, '%Y-%m-%d')
)

SELECT
    parts.part,
    parts.key,
    parts.transactions,
    figures.*
FROM parts
CROSS JOIN figures
ORDER BY parts.part, parts.key
