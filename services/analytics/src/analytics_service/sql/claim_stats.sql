-- Counts claims by state, lower-cased; claims without one are `unknown`.
SELECT
    coalesce(lower(estado), 'unknown') AS estado,
    count(*) AS claims
FROM reclamos
GROUP BY 1
ORDER BY 1
