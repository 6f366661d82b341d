-- Each policy number once, as a claim on it finds it: the type of its product, and the band of what it insures.
WITH contracts AS (
    SELECT
        policy_number,
        min(product_id) AS product_id,
        min(sum_insured) AS sum_insured
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
)

SELECT
    contracts.policy_number,
    coalesce(product_types.product_type, 'UNKNOWN') AS product_type,
    CASE
        WHEN contracts.sum_insured IS NULL THEN 'UNKNOWN'
        WHEN contracts.sum_insured < 10000 THEN '< 10000'
        WHEN contracts.sum_insured < 50000 THEN '10000-49999'
        WHEN contracts.sum_insured < 100000 THEN '50000-99999'
        ELSE '>= 100000'
    END AS band
FROM contracts
LEFT JOIN product_types ON product_types.id = contracts.product_id
