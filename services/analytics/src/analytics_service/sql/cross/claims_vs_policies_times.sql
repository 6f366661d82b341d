-- The newest time not after the clock among those of policies and claims, and the next one to come.
WITH times AS (
    SELECT coalesce(start_date, issue_date, created_at) AS seen_at FROM policies
    UNION ALL
    SELECT fecha_reclamo FROM reclamos
)

SELECT
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM times
