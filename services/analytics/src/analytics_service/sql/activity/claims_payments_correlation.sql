-- Says in one row how claims and payments go together: by customer, by month, and in days from a claim to a payment.
WITH contracts AS (
    -- Each policy number once, with the smallest customer that it is said to have.
    SELECT
        policy_number,
        min(customer_id) AS customer_id
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

claims AS (
    SELECT
        contracts.customer_id,
        reclamos.monto,
        reclamos.fecha_reclamo
    FROM reclamos
    INNER JOIN contracts ON contracts.policy_number = reclamos.policy_number
    WHERE contracts.customer_id IS NOT NULL
),

-- Sums keep six decimals, so that those of equal amounts are equal, in whatever order they were added up.
claimed AS (
    SELECT
        customer_id,
        round_half_away(sum(monto), 6) AS amount
    FROM claims
    WHERE monto IS NOT NULL
    GROUP BY customer_id
),

paid AS (
    SELECT
        customer_id,
        round_half_away(sum(monto), 6) AS amount
    FROM pagos
    WHERE monto IS NOT NULL AND customer_id IS NOT NULL
    GROUP BY customer_id
),

customers AS (
    -- rank() and the count up to here are a tie's first and last place: together twice its mean rank.
    SELECT
        claimed.amount AS claimed,
        paid.amount AS paid,
        CAST(row_number() OVER (ORDER BY claimed.amount) AS DOUBLE) AS claimed_place,
        CAST(row_number() OVER (ORDER BY paid.amount) AS DOUBLE) AS paid_place,
        CAST(rank() OVER (ORDER BY claimed.amount) + count(*) OVER (ORDER BY claimed.amount) AS DOUBLE) AS claimed_rank,
        CAST(rank() OVER (ORDER BY paid.amount) + count(*) OVER (ORDER BY paid.amount) AS DOUBLE) AS paid_rank,
        CAST(count(*) OVER () AS DOUBLE) AS customers
    FROM claimed
    INNER JOIN paid ON paid.customer_id = claimed.customer_id
),

medians AS (
    SELECT
        sum(claimed * greatest(0, 1 - abs(claimed_place - 1 - 0.5 * (customers - 1)))) AS claimed,
        sum(paid * greatest(0, 1 - abs(paid_place - 1 - 0.5 * (customers - 1)))) AS paid
    FROM customers
),

by_customer AS (
    SELECT
        count(*) AS customers_with_both,
        CASE WHEN min(customers.claimed) < max(customers.claimed) AND min(customers.paid) < max(customers.paid)
            THEN corr(customers.claimed, customers.paid) END AS pearson,
        CASE WHEN min(customers.claimed) < max(customers.claimed) AND min(customers.paid) < max(customers.paid)
            THEN corr(customers.claimed_rank, customers.paid_rank) END AS spearman,
        CAST(sum(customers.paid) AS DOUBLE) / nullif(round_half_away(sum(customers.claimed), 6), 0) AS ratio,
        count(*) FILTER (WHERE customers.claimed > medians.claimed AND customers.paid > medians.paid) AS high_high,
        count(*) FILTER (WHERE customers.claimed > medians.claimed AND customers.paid <= medians.paid) AS high_low,
        count(*) FILTER (WHERE customers.claimed <= medians.claimed AND customers.paid > medians.paid) AS low_high,
        count(*) FILTER (WHERE customers.claimed <= medians.claimed AND customers.paid <= medians.paid) AS low_low
    FROM customers
    CROSS JOIN medians
),

numbers (number) AS (
    VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11)
),

amounts AS (
    SELECT date_trunc('month', fecha_reclamo) AS month, monto AS claimed, 0 AS paid
    FROM reclamos
    WHERE fecha_reclamo >= date_trunc('month', CAST($as_of AS TIMESTAMP)) - INTERVAL '11' MONTH
        AND fecha_reclamo <= $as_of
    UNION ALL
    SELECT date_trunc('month', fecha_pago), 0, monto
    FROM pagos
    WHERE fecha_pago >= date_trunc('month', CAST($as_of AS TIMESTAMP)) - INTERVAL '11' MONTH
        AND fecha_pago <= $as_of
),

months AS (
    SELECT
        round_half_away(coalesce(sum(amounts.claimed), 0), 6) AS claimed,
        round_half_away(coalesce(sum(amounts.paid), 0), 6) AS paid
    FROM numbers
    LEFT JOIN amounts
        ON amounts.month = date_trunc('month', CAST($as_of AS TIMESTAMP)) - INTERVAL '1' MONTH * numbers.number
    GROUP BY numbers.number
),

by_month AS (
    SELECT
        CASE WHEN min(claimed) < max(claimed) AND min(paid) < max(paid) THEN corr(claimed, paid) END AS correlation
    FROM months
),

events AS (
    SELECT customer_id, fecha_reclamo AS happened_at, fecha_reclamo AS claimed_at, CAST(NULL AS TIMESTAMP) AS paid_at
    FROM claims
    WHERE fecha_reclamo <= $as_of
    UNION ALL
    SELECT customer_id, fecha_pago, NULL, fecha_pago
    FROM pagos
    WHERE fecha_pago <= $as_of AND customer_id IN (SELECT claims.customer_id FROM claims)
),

followed AS (
    -- Going back in time, the earliest payment so far is the next one. Of the same moment, payments come before claims.
    SELECT
        claimed_at,
        min(paid_at) OVER (
            PARTITION BY customer_id
            ORDER BY happened_at DESC, paid_at NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS next_paid_at
    FROM events
),

lags AS (
    SELECT CAST(date_diff('millisecond', claimed_at, next_paid_at) AS DOUBLE) / 86400000 AS days
    FROM followed
    WHERE claimed_at IS NOT NULL AND next_paid_at IS NOT NULL
),

lag_places AS (
    SELECT
        days,
        CAST(row_number() OVER (ORDER BY days) AS DOUBLE) AS place,
        CAST(count(*) OVER () AS DOUBLE) AS claims
    FROM lags
),

median_lag AS (
    SELECT sum(days * greatest(0, 1 - abs(place - 1 - 0.5 * (claims - 1)))) AS days
    FROM lag_places
)

SELECT
    by_customer.customers_with_both,
    round_half_away(by_customer.pearson, 4) AS pearson,
    round_half_away(by_customer.spearman, 4) AS spearman,
    round_half_away(by_month.correlation, 4) AS monthly_correlation,
    round_half_away(by_customer.ratio, 4) AS payment_to_claim_ratio,
    round_half_away(median_lag.days, 2) AS lag_days_median,
    by_customer.high_high,
    by_customer.high_low,
    by_customer.low_high,
    by_customer.low_low
FROM by_customer
CROSS JOIN by_month
CROSS JOIN median_lag
