-- How many policies there are of each type of product and band of sums insured, and their premium.
WITH kinds AS (
    SELECT
        coalesce(product_types.product_type, 'UNKNOWN') AS product_type,
        CASE
            WHEN policies.sum_insured IS NULL THEN 'UNKNOWN'
            WHEN policies.sum_insured < 10000 THEN '< 10000'
            WHEN policies.sum_insured < 50000 THEN '10000-49999'
            WHEN policies.sum_insured < 100000 THEN '50000-99999'
            ELSE '>= 100000'
        END AS band,
        policies.premium
    FROM policies
    LEFT JOIN product_types ON product_types.id = policies.product_id
)

SELECT
    product_type,
    band,
    count(*) AS policies,
    sum(premium) AS premium
FROM kinds
GROUP BY product_type, band
