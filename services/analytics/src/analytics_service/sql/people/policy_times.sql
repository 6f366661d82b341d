-- The newest date of a policy not after the clock, and the next one to come.
WITH times AS (
    SELECT coalesce(start_date, issue_date, created_at) AS signed_at FROM policies
)

SELECT
    max(signed_at) FILTER (WHERE signed_at <= $now) AS newest,
    min(signed_at) FILTER (WHERE signed_at > $now) AS next
FROM times
