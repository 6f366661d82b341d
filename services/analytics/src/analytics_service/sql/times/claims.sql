-- The newest claim not after the clock, and the next one to come.
SELECT
    max(fecha_reclamo) FILTER (WHERE fecha_reclamo <= $now) AS newest,
    min(fecha_reclamo) FILTER (WHERE fecha_reclamo > $now) AS next
FROM reclamos
