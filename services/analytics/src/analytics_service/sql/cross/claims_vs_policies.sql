-- Holds claims against policies: one row for all of them and one for each product type and each band of sums insured.
WITH kinds AS (
    -- Each product once, with the smallest of its types.
    SELECT
        id,
        min(upper(product_type)) AS product_type
    FROM products
    WHERE id IS NOT NULL
    GROUP BY id
),

contracts AS (
    -- Each policy number once, as a claim on it finds it.
    SELECT
        policy_number,
        min(product_id) AS product_id,
        min(sum_insured) AS sum_insured
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

marked AS (
    SELECT
        policy_number,
        monto,
        upper(estado) IN ('APROBADO', 'APROBADA', 'APPROVED') AS is_approved
    FROM reclamos
),

claimed AS (
    SELECT
        policy_number,
        count(*) AS claims,
        sum(monto) FILTER (WHERE is_approved) AS approved,
        count(monto) FILTER (WHERE is_approved) AS approved_claims
    FROM marked
    GROUP BY policy_number
),

facts AS (
    -- Every policy with its premium, and every claimed policy number with its claims.
    SELECT
        product_id,
        sum_insured,
        1 AS policies,
        premium,
        0 AS claimed_policies,
        0 AS claims,
        NULL AS approved,
        0 AS approved_claims
    FROM policies
    UNION ALL
    SELECT
        contracts.product_id,
        contracts.sum_insured,
        0,
        NULL,
        1,
        claimed.claims,
        claimed.approved,
        claimed.approved_claims
    FROM contracts
    INNER JOIN claimed ON claimed.policy_number = contracts.policy_number
),

grouped AS (
    SELECT
        facts.*,
        coalesce(kinds.product_type, 'UNKNOWN') AS product_type,
        CASE
            WHEN facts.sum_insured IS NULL THEN 'UNKNOWN'
            WHEN facts.sum_insured < 10000 THEN '< 10000'
            WHEN facts.sum_insured < 50000 THEN '10000-49999'
            WHEN facts.sum_insured < 100000 THEN '50000-99999'
            ELSE '>= 100000'
        END AS band
    FROM facts
    LEFT JOIN kinds ON kinds.id = facts.product_id
),

sums AS (
    SELECT
        product_type,
        band,
        CAST(coalesce(sum(policies), 0) AS BIGINT) AS policies,
        coalesce(sum(premium), 0) AS premium,
        CAST(coalesce(sum(claimed_policies), 0) AS BIGINT) AS claimed_policies,
        CAST(coalesce(sum(claims), 0) AS BIGINT) AS claims,
        coalesce(sum(approved), 0) AS approved,
        CAST(coalesce(sum(approved_claims), 0) AS BIGINT) AS approved_claims
    FROM grouped
    GROUP BY GROUPING SETS ((), (product_type), (band))
)

SELECT
    product_type,
    band,
    policies,
    claimed_policies,
    claims,
    (SELECT count(*) FROM reclamos) - claims AS other_claims,
    round_half_away(CAST(100 * claims AS DOUBLE) / nullif(policies, 0), 2) AS claim_frequency,
    round_half_away(CAST(approved AS DOUBLE) / nullif(approved_claims, 0), 2) AS average_severity,
    round_half_away(CAST(approved AS DOUBLE) / nullif(premium, 0), 4) AS loss_ratio
FROM sums
