-- Counts products by type and by band of their base premium, and describes the premiums.
-- One row of part `all`, one of part `type` for each type, one of part `band` for each band that has products.
WITH catalogue AS (
    SELECT
        coalesce(upper(product_type), 'UNKNOWN') AS product_type,
        base_premium,
        description,
        CASE
            WHEN base_premium < 100 THEN '< 100'
            WHEN base_premium < 500 THEN '100-499'
            WHEN base_premium < 1000 THEN '500-999'
            WHEN base_premium >= 1000 THEN '>= 1000'
        END AS band
    FROM products
),

ranks AS (
    SELECT
        base_premium,
        row_number() OVER (ORDER BY base_premium) AS place,
        count(*) OVER () AS n
    FROM catalogue
    WHERE base_premium IS NOT NULL
),

median AS (
    -- Of the premiums around the middle, each by how near it is.
    SELECT sum(base_premium * greatest(0, 1 - abs(place - (1 + CAST(n - 1 AS DOUBLE) / 2)))) AS base_premium
    FROM ranks
)

SELECT
    'all' AS part,
    NULL AS label,
    count(*) AS products,
    count(base_premium) AS with_premium,
    CASE WHEN $products_has_description THEN count(description) END AS with_description,
    round_half_away(avg(base_premium), 2) AS average,
    round_half_away((SELECT base_premium FROM median), 2) AS median,
    round_half_away(max(base_premium), 2) AS maximum,
    round_half_away(min(base_premium), 2) AS minimum
FROM catalogue
UNION ALL
SELECT 'type', product_type, count(*), NULL, NULL, NULL, NULL, NULL, NULL
FROM catalogue
GROUP BY product_type
UNION ALL
SELECT 'band', band, count(*), NULL, NULL, NULL, NULL, NULL, NULL
FROM catalogue
WHERE band IS NOT NULL
GROUP BY band
ORDER BY part, label
