-- The newest claim or payment not after the clock, and the next one to come.
WITH times AS (
    SELECT fecha_reclamo AS seen_at FROM reclamos
    UNION ALL
    SELECT fecha_pago FROM pagos
)

SELECT
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM times
