-- Describes the claims, in rows of (part, key, claims, amount): each state, each of the last twelve months that has
-- any, the ten policies with the highest amount, and 'all'. The figures of all claims stand in every row.
WITH totals AS (
    SELECT
        count(*) AS total_claims,
        CAST(count(monto) AS DOUBLE) AS amounts,
        sum(monto) AS total,
        avg(monto) AS average,
        max(monto) AS highest,
        min(monto) AS lowest,
        count(*) FILTER (WHERE upper(estado) IN ('APROBADO', 'APROBADA', 'APPROVED')) AS approved,
        count(*) FILTER (WHERE upper(estado) IN ('RECHAZADO', 'RECHAZADA', 'REJECTED')) AS rejected
    FROM reclamos
),

amounts AS (
    SELECT
        monto,
        CAST(row_number() OVER (ORDER BY monto) AS DOUBLE) AS place
    FROM reclamos
    WHERE monto IS NOT NULL
),

percentiles AS (
    -- A percentile stands at a place that may lie between two amounts, and takes from each by how near it is.
    SELECT
        sum(monto * greatest(0, 1 - abs(place - 1 - 0.25 * (totals.amounts - 1)))) AS p25,
        sum(monto * greatest(0, 1 - abs(place - 1 - 0.50 * (totals.amounts - 1)))) AS p50,
        sum(monto * greatest(0, 1 - abs(place - 1 - 0.75 * (totals.amounts - 1)))) AS p75,
        sum(monto * greatest(0, 1 - abs(place - 1 - 0.90 * (totals.amounts - 1)))) AS p90,
        sum(monto * greatest(0, 1 - abs(place - 1 - 0.99 * (totals.amounts - 1)))) AS p99
    FROM amounts
    CROSS JOIN totals
),

outliers AS (
    -- Six decimals on both sides, so that an amount at the limit is not above it by the last bit of a double.
    SELECT count(*) AS outliers
    FROM reclamos
    CROSS JOIN percentiles
    WHERE round_half_away(monto, 6) > round_half_away(p75 + 3 * (p75 - p25), 6)
),

figures AS (
    SELECT
        totals.total_claims,
        round_half_away(coalesce(totals.total, 0), 2) AS total,
        round_half_away(totals.average, 2) AS average,
        round_half_away(percentiles.p50, 2) AS median,
        round_half_away(totals.highest, 2) AS highest,
        round_half_away(totals.lowest, 2) AS lowest,
        round_half_away(percentiles.p90, 2) AS p90,
        round_half_away(percentiles.p99, 2) AS p99,
        round_half_away(
            CAST(100 * totals.approved AS DOUBLE) / nullif(totals.approved + totals.rejected, 0), 1
        ) AS approval_rate,
        outliers.outliers
    FROM totals
    CROSS JOIN percentiles
    CROSS JOIN outliers
),

policies AS (
    SELECT
        policy_number,
        count(*) AS claims,
        round_half_away(coalesce(sum(monto), 0), 2) AS amount
    FROM reclamos
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
    ORDER BY amount DESC NULLS LAST, policy_number
    LIMIT 10
),

parts AS (
    SELECT 'all' AS part, '' AS key, total_claims AS claims, coalesce(total, 0) AS amount
    FROM totals
    UNION ALL
    SELECT 'estado', coalesce(upper(estado), 'UNKNOWN'), count(*), coalesce(sum(monto), 0)
    FROM reclamos
    GROUP BY coalesce(upper(estado), 'UNKNOWN')
    UNION ALL
    SELECT 'month', strftime(date_trunc('month', fecha_reclamo), '%Y-%m'), count(*), coalesce(sum(monto), 0)
    FROM reclamos
    WHERE fecha_reclamo >= date_trunc('month', CAST($as_of AS TIMESTAMP)) - INTERVAL '11' MONTH
        AND fecha_reclamo <= $as_of
    GROUP BY date_trunc('month', fecha_reclamo)
    UNION ALL
    SELECT 'policy', policy_number, claims, amount
    FROM policies
)

SELECT
    parts.part,
    parts.key,
    parts.claims,
    round_half_away(parts.amount, 2) AS amount,
    figures.*
FROM parts
CROSS JOIN figures
ORDER BY parts.part, amount DESC NULLS LAST, parts.key
