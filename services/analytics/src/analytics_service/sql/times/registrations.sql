-- The newest registration not after the clock, and the next one to come.
SELECT
    max(created_at) FILTER (WHERE created_at <= $now) AS newest,
    min(created_at) FILTER (WHERE created_at > $now) AS next
FROM users
