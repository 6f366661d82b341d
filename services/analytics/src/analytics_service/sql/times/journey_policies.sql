-- The newest policy date not after the clock as the customer journey counts it, and the next one to come.
WITH times AS (
    SELECT coalesce(created_at, start_date, issue_date) AS seen_at FROM policies
)

SELECT
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM times
