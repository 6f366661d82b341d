-- The newest time not after the clock among those that the customer journey counts by, and the next one to come.
WITH times AS (
    SELECT created_at AS seen_at FROM users
    UNION ALL
    SELECT coalesce(created_at, start_date, issue_date) FROM policies
    UNION ALL
    SELECT fecha_reclamo FROM reclamos
)
SELECT
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM times
