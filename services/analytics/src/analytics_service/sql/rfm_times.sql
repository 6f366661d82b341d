-- The newest purchase not after the clock, and the next one to come.
SELECT
    max(fecha) FILTER (WHERE fecha <= $now) AS newest,
    min(fecha) FILTER (WHERE fecha > $now) AS next
FROM purchases
WHERE id_cuenta IS NOT NULL AND monto > 0
