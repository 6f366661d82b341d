-- Describes the payments, in rows of (part, key, payments, amount, share): each method, each of the last twelve months
-- that has any, the ten customers with the highest amount, and 'all'. The figures of all payments stand in every row.
WITH totals AS (
    SELECT
        count(*) AS total_payments,
        CAST(count(monto) AS DOUBLE) AS amounts,
        sum(monto) AS total,
        avg(monto) AS average,
        count(customer_id) AS with_customer,
        count(DISTINCT customer_id) AS customers
    FROM pagos
),

amounts AS (
    SELECT
        monto,
        CAST(row_number() OVER (ORDER BY monto) AS DOUBLE) AS place
    FROM pagos
    WHERE monto IS NOT NULL
),

medians AS (
    -- The median stands at a place that may lie between two amounts, and takes from each by how near it is.
    SELECT sum(monto * greatest(0, 1 - abs(place - 1 - 0.5 * (totals.amounts - 1)))) AS median
    FROM amounts
    CROSS JOIN totals
),

figures AS (
    SELECT
        totals.total_payments,
        round_half_away(coalesce(totals.total, 0), 2) AS total_amount,
        round_half_away(totals.average, 2) AS avg_monto,
        round_half_away(medians.median, 2) AS median_monto,
        round_half_away(CAST(totals.with_customer AS DOUBLE) / nullif(totals.customers, 0), 2) AS payments_per_customer,
        -- With six decimals what adds up to nothing is 0, and not the last bits of doubles.
        nullif(round_half_away(totals.total, 6), 0) AS whole
    FROM totals
    CROSS JOIN medians
),

customers AS (
    SELECT
        customer_id,
        count(*) AS payments,
        round_half_away(coalesce(sum(monto), 0), 2) AS amount
    FROM pagos
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
    ORDER BY amount DESC NULLS LAST, customer_id
    LIMIT 10
),

parts AS (
    SELECT 'all' AS part, '' AS key, total_payments AS payments, coalesce(total, 0) AS amount
    FROM totals
    UNION ALL
    SELECT 'method', coalesce(upper(metodo_pago), 'UNKNOWN'), count(*), coalesce(sum(monto), 0)
    FROM pagos
    GROUP BY coalesce(upper(metodo_pago), 'UNKNOWN')
    UNION ALL
    SELECT 'month', strftime(date_trunc('month', fecha_pago), '%Y-%m'), count(*), coalesce(sum(monto), 0)
    FROM pagos
    WHERE fecha_pago >= date_trunc('month', CAST($as_of AS TIMESTAMP)) - INTERVAL '11' MONTH
        AND fecha_pago <= $as_of
    GROUP BY date_trunc('month', fecha_pago)
    UNION ALL
    SELECT 'customer', customer_id, payments, amount
    FROM customers
)

SELECT
    parts.part,
    parts.key,
    parts.payments,
    round_half_away(parts.amount, 2) AS amount,
    round_half_away(CAST(parts.amount AS DOUBLE) / figures.whole, 4) AS share,
    figures.total_payments,
    figures.total_amount,
    figures.avg_monto,
    figures.median_monto,
    figures.payments_per_customer
FROM parts
CROSS JOIN figures
ORDER BY parts.part, amount DESC NULLS LAST, parts.key
