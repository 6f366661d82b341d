-- Describes coverages by name: one row for each name, and one with name NULL for all.
WITH named AS (
    SELECT
        coalesce(upper(coverage_name), 'UNKNOWN') AS coverage_name,
        coverage_limit,
        deductible,
        policy_id,
        CASE WHEN deductible IS NOT NULL THEN coverage_limit END AS limit_with_deductible,
        CASE WHEN coverage_limit IS NOT NULL THEN deductible END AS deductible_with_limit
    FROM policy_coverage
),

covered AS (
    SELECT
        policy_id,
        count(*) AS coverages
    FROM policy_coverage
    WHERE policy_id IS NOT NULL
    GROUP BY policy_id
),

per_policy AS (
    SELECT CAST(sum(coverages) AS DOUBLE) / nullif(count(*), 0) AS coverages
    FROM covered
),

uncovered AS (
    SELECT count(*) AS policies
    FROM policies
    LEFT JOIN covered ON covered.policy_id = policies.id
    WHERE covered.policy_id IS NULL
)

SELECT
    coverage_name,
    count(*) AS coverages,
    round_half_away(avg(coverage_limit), 2) AS average_limit,
    round_half_away(avg(deductible), 2) AS average_deductible,
    round_half_away(sum(deductible_with_limit) / nullif(sum(limit_with_deductible), 0), 4) AS deductible_ratio,
    round_half_away((SELECT coverages FROM per_policy), 2) AS coverages_per_policy,
    (SELECT policies FROM uncovered) AS policies_without_coverage
FROM named
GROUP BY GROUPING SETS ((), (coverage_name))
ORDER BY coverage_name NULLS LAST
