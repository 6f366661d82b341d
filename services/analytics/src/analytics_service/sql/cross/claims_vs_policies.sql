-- Holds claims against policies: one row for all of them and one for each product type and each band of sums insured.
WITH facts AS (
    SELECT
        product_type,
        band,
        policies,
        premium,
        0 AS claimed_policies,
        0 AS claims,
        NULL AS approved,
        0 AS approved_claims
    FROM policy_kinds
    UNION ALL
    -- Claims without a policy stand under no type.
    SELECT
        contract_kinds.product_type,
        contract_kinds.band,
        0,
        NULL,
        count(*),
        sum(policy_claims.claims),
        sum(policy_claims.approved),
        sum(policy_claims.approved_claims)
    FROM policy_claims
    LEFT JOIN contract_kinds ON contract_kinds.policy_number = policy_claims.policy_number
    GROUP BY contract_kinds.product_type, contract_kinds.band
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
    FROM facts
    WHERE product_type IS NOT NULL
    GROUP BY GROUPING SETS ((), (product_type), (band))
)

SELECT
    product_type,
    band,
    policies,
    claimed_policies,
    claims,
    (SELECT CAST(coalesce(sum(claims), 0) AS BIGINT) FROM facts) - claims AS other_claims,
    round_half_away(CAST(100 * claims AS DOUBLE) / nullif(policies, 0), 2) AS claim_frequency,
    round_half_away(CAST(approved AS DOUBLE) / nullif(approved_claims, 0), 2) AS average_severity,
    round_half_away(CAST(approved AS DOUBLE) / nullif(premium, 0), 4) AS loss_ratio
FROM sums
