-- The mean amount of the payments that have one; NULL where none has.
SELECT round_half_away(avg(monto), 2) AS avg_monto
FROM pagos
