-- Counts the clients' beneficiaries and their ages: one row for each relationship, and one with NULL for all of them.
WITH heirs AS (
    SELECT
        client_id,
        coalesce(upper(relationship), 'UNKNOWN') AS relationship,
        -- The year does not count before the birthday, whose month and day read as one number.
        CASE
            WHEN birth_date <= $as_of
                THEN
                    extract(YEAR FROM $as_of) - extract(YEAR FROM birth_date)
                    - CASE
                        WHEN
                            100 * extract(MONTH FROM $as_of) + extract(DAY FROM $as_of)
                            < 100 * extract(MONTH FROM birth_date) + extract(DAY FROM birth_date)
                            THEN 1
                        ELSE 0
                    END
        END AS age
    FROM client_beneficiaries
)

SELECT
    relationship,
    count(*) AS beneficiaries,
    count(DISTINCT client_id) AS clients,
    round_half_away(CAST(count(client_id) AS DOUBLE) / nullif(count(DISTINCT client_id), 0), 2) AS per_client,
    round_half_away(avg(CAST(age AS DOUBLE)), 2) AS average_age,
    count(*) FILTER (WHERE age < 18) AS minors
FROM heirs
GROUP BY GROUPING SETS ((), (relationship))
