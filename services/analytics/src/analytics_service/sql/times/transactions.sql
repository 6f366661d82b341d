-- The newest transaction not after the clock, and the next one to come.
SELECT
    max("timestamp") FILTER (WHERE "timestamp" <= $now) AS newest,
    min("timestamp") FILTER (WHERE "timestamp" > $now) AS next
FROM transaction_audit
