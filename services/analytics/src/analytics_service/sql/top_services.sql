-- The five services with most audit rows, ties by name; rows without a service are left out.
SELECT
    servicio,
    count(*) AS transactions
FROM transaction_audit
WHERE servicio IS NOT NULL
GROUP BY servicio
ORDER BY transactions DESC, servicio
LIMIT 5
