-- Each product once, with the smallest of its types.
SELECT
    id,
    min(upper(product_type)) AS product_type
FROM products
WHERE id IS NOT NULL
GROUP BY id
