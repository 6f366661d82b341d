-- Each claimed policy number once, and the claims without one together: how many claims, the first of them, and what
-- was approved.
WITH marked AS (
    SELECT
        policy_number,
        fecha_reclamo,
        monto,
        upper(estado) IN ('APROBADO', 'APROBADA', 'APPROVED') AS is_approved
    FROM reclamos
)

SELECT
    policy_number,
    count(*) AS claims,
    min(fecha_reclamo) AS claimed_at,
    sum(monto) FILTER (WHERE is_approved) AS approved,
    count(monto) FILTER (WHERE is_approved) AS approved_claims
FROM marked
GROUP BY policy_number
