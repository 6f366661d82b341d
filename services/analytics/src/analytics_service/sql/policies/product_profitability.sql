-- Sets each product's premiums against its approved claims. One row for each product, by name, with its places in the lists.
WITH catalogue AS (
    -- Each product once, made of the smallest value of each column.
    SELECT
        id,
        min(code) AS code,
        min(name) AS name,
        coalesce(min(upper(product_type)), 'UNKNOWN') AS product_type
    FROM products
    WHERE id IS NOT NULL
    GROUP BY id
),

sales AS (
    SELECT
        product_id,
        count(*) AS policies,
        sum(premium) AS premiums,
        avg(premium) AS average_premium,
        sum(sum_insured) AS sum_insured
    FROM policies
    WHERE product_id IS NOT NULL
    GROUP BY product_id
),

contracts AS (
    -- Each policy number once, with the product that its claims are counted for.
    SELECT
        policy_number,
        min(product_id) AS product_id
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

losses AS (
    SELECT
        contracts.product_id,
        count(*) AS claims,
        sum(reclamos.monto) FILTER (WHERE upper(reclamos.estado) IN ('APROBADO', 'APROBADA', 'APPROVED')) AS approved
    FROM reclamos
    INNER JOIN contracts ON contracts.policy_number = reclamos.policy_number
    WHERE contracts.product_id IS NOT NULL
    GROUP BY contracts.product_id
),

figures AS (
    SELECT
        catalogue.id AS product_id,
        catalogue.code,
        catalogue.name,
        catalogue.product_type,
        coalesce(sales.policies, 0) AS policies,
        round_half_away(coalesce(sales.premiums, 0), 2) AS total_premium,
        round_half_away(sales.average_premium, 2) AS average_premium,
        round_half_away(coalesce(sales.sum_insured, 0), 2) AS total_sum_insured,
        coalesce(losses.claims, 0) AS claims,
        round_half_away(coalesce(losses.approved, 0), 2) AS claims_amount,
        round_half_away(coalesce(losses.approved, 0) / nullif(sales.premiums, 0), 4) AS loss_ratio,
        round_half_away(coalesce(sales.premiums, 0) - coalesce(losses.approved, 0), 2) AS profit
    FROM catalogue
    LEFT JOIN sales ON sales.product_id = catalogue.id
    LEFT JOIN losses ON losses.product_id = catalogue.id
)

SELECT
    *,
    row_number() OVER (ORDER BY policies DESC, name NULLS LAST, product_id) AS place_by_volume,
    row_number() OVER (ORDER BY total_premium DESC NULLS LAST, name NULLS LAST, product_id) AS place_by_premium,
    row_number() OVER (ORDER BY profit DESC NULLS LAST, name NULLS LAST, product_id) AS place_by_profit,
    row_number() OVER (ORDER BY profit NULLS LAST, name NULLS LAST, product_id) AS place_by_loss
FROM figures
ORDER BY name NULLS LAST, product_id
