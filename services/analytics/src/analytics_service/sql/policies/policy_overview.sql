-- Counts policies by status, type of product and agent, and describes their premiums and what they insure.
-- Part `all` has one row, as have `premium` and `sum_insured`, which describe these amounts; `status` and `type` have one for
-- each label, `agent` the ten with most premium, the first first.
WITH catalogue AS (
    -- Each product once, made of the smallest type.
    SELECT
        id,
        min(upper(product_type)) AS product_type
    FROM products
    WHERE id IS NOT NULL
    GROUP BY id
),

contracts AS (
    SELECT
        coalesce(upper(policies.status), 'UNKNOWN') AS status,
        coalesce(catalogue.product_type, 'UNKNOWN') AS product_type,
        policies.agent_id,
        policies.premium,
        policies.sum_insured,
        policies.end_date,
        upper(policies.status) IN ('ACTIVE', 'ACTIVA', 'ACTIVO', 'VIGENTE') AS is_active
    FROM policies
    LEFT JOIN catalogue ON catalogue.id = policies.product_id
),

ranks AS (
    -- Two windows over all rows: partitions of one would take three times as long.
    SELECT
        'premium' AS part,
        premium AS amount,
        row_number() OVER (ORDER BY premium) AS place,
        count(*) OVER () AS n
    FROM contracts
    WHERE premium IS NOT NULL
    UNION ALL
    SELECT
        'sum_insured',
        sum_insured,
        row_number() OVER (ORDER BY sum_insured),
        count(*) OVER ()
    FROM contracts
    WHERE sum_insured IS NOT NULL
),

agents AS (
    SELECT
        agent_id,
        count(*) AS policies,
        round_half_away(coalesce(sum(premium), 0), 2) AS total
    FROM contracts
    WHERE agent_id IS NOT NULL
    GROUP BY agent_id
),

agent_places AS (
    SELECT
        *,
        row_number() OVER (ORDER BY total DESC NULLS LAST, agent_id) AS place
    FROM agents
)

SELECT
    'all' AS part,
    NULL AS label,
    count(*) AS policies,
    CASE WHEN $policies_has_status THEN count(*) FILTER (WHERE is_active) END AS active,
    CASE
        WHEN $policies_has_end_date
            THEN count(*) FILTER (
                WHERE (is_active OR NOT $policies_has_status)
                AND end_date > $as_of AND end_date <= $as_of + INTERVAL '30' DAY
            )
    END AS expiring,
    NULL AS total,
    NULL AS average,
    NULL AS median,
    NULL AS maximum,
    NULL AS minimum,
    NULL AS place
FROM contracts
UNION ALL
SELECT
    part,
    NULL,
    count(*),
    NULL,
    NULL,
    round_half_away(sum(amount), 2),
    round_half_away(avg(amount), 2),
    round_half_away(sum(amount * greatest(0, 1 - abs(place - (1 + CAST(n - 1 AS DOUBLE) / 2)))), 2),
    round_half_away(max(amount), 2),
    round_half_away(min(amount), 2),
    NULL
FROM ranks
GROUP BY part
UNION ALL
SELECT 'status', status, count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM contracts
GROUP BY status
UNION ALL
SELECT 'type', product_type, count(*), NULL, NULL, round_half_away(coalesce(sum(premium), 0), 2), NULL, NULL, NULL, NULL, NULL
FROM contracts
GROUP BY product_type
UNION ALL
SELECT 'agent', agent_id, policies, NULL, NULL, total, NULL, NULL, NULL, NULL, place
FROM agent_places
WHERE place <= 10
ORDER BY part, place NULLS LAST, label
