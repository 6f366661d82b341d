-- Each customer's recency (days), frequency (distinct days) and money, with scores of 1 to 5 and the segment they give.
WITH customers AS (
    SELECT
        id_cuenta,
        date_diff('day', CAST(max(fecha) AS DATE), CAST($as_of AS DATE)) AS recencia,
        count(DISTINCT CAST(fecha AS DATE)) AS frecuencia,
        round_half_away(sum(monto), 2) AS monto
    FROM purchases
    WHERE id_cuenta IS NOT NULL AND monto > 0 AND fecha <= $as_of
    GROUP BY id_cuenta
),

ranks AS (
    -- rank() - 1 is how many customers are strictly worse, so ties share the worse score.
    SELECT
        *,
        rank() OVER (ORDER BY recencia DESC) - 1 AS worse_recency,
        rank() OVER (ORDER BY frecuencia) - 1 AS worse_frequency,
        rank() OVER (ORDER BY monto) - 1 AS worse_money,
        CAST(count(*) OVER () AS DOUBLE) AS customers
    FROM customers
),

scores AS (
    SELECT
        id_cuenta,
        recencia,
        frecuencia,
        monto,
        1 + CAST(floor(5 * worse_recency / customers) AS INTEGER) AS r,
        1 + CAST(floor(5 * worse_frequency / customers) AS INTEGER) AS f,
        1 + CAST(floor(5 * worse_money / customers) AS INTEGER) AS m
    FROM ranks
),

segments (r, fm, segmento) AS (
    -- By the recency score and the mean of the other two, halves rounded up.
    VALUES
    (5, 1, 'Nuevos Clientes'),
    (5, 2, 'Leales Potenciales'),
    (5, 3, 'Leales Potenciales'),
    (5, 4, 'Campeones'),
    (5, 5, 'Campeones'),
    (4, 1, 'Prometedores'),
    (4, 2, 'Leales Potenciales'),
    (4, 3, 'Leales Potenciales'),
    (4, 4, 'Clientes Leales'),
    (4, 5, 'Clientes Leales'),
    (3, 1, 'A Punto de Dormir'),
    (3, 2, 'A Punto de Dormir'),
    (3, 3, 'Necesitan Atención'),
    (3, 4, 'Clientes Leales'),
    (3, 5, 'Clientes Leales'),
    (2, 1, 'Hibernando'),
    (2, 2, 'Hibernando'),
    (2, 3, 'En Riesgo'),
    (2, 4, 'En Riesgo'),
    (2, 5, 'No se pueden perder'),
    (1, 1, 'Perdidos'),
    (1, 2, 'Perdidos'),
    (1, 3, 'En Riesgo'),
    (1, 4, 'En Riesgo'),
    (1, 5, 'No se pueden perder')
)

SELECT
    scores.id_cuenta,
    CAST(scores.recencia AS INTEGER) AS recencia,
    CAST(scores.frecuencia AS INTEGER) AS frecuencia,
    scores.monto,
    scores.r,
    scores.f,
    scores.m,
    segments.segmento
FROM scores
INNER JOIN segments
    ON segments.r = scores.r
    AND segments.fm = CAST(floor((scores.f + scores.m + 1) / CAST(2 AS DOUBLE)) AS INTEGER)
ORDER BY scores.id_cuenta
