-- Each segment that has customers: how many, their share of all, and their means.
SELECT
    segmento,
    count(*) AS clientes,
    round_half_away(CAST(100 * count(*) AS DOUBLE) / sum(count(*)) OVER (), 1) AS porcentaje,
    round_half_away(avg(recencia), 2) AS recencia_promedio,
    round_half_away(avg(frecuencia), 2) AS frecuencia_promedio,
    round_half_away(avg(monto), 2) AS monto_promedio
FROM rfm_customers
GROUP BY segmento
