-- The newest payment not after the clock, and the next one to come.
SELECT
    max(fecha_pago) FILTER (WHERE fecha_pago <= $now) AS newest,
    min(fecha_pago) FILTER (WHERE fecha_pago > $now) AS next
FROM pagos
