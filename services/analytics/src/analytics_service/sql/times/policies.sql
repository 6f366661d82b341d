-- The newest policy date not after the clock, and the next one to come.
WITH times AS (
    SELECT coalesce(start_date, issue_date, created_at) AS seen_at FROM policies
)

SELECT
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM times
