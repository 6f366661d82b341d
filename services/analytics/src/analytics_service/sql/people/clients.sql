-- Counts clients by age, document, gender and state: one row for each figure.
WITH people AS (
    -- Each user once, with the smallest of its states.
    SELECT
        id,
        min(upper(state)) AS state
    FROM users
    WHERE id IS NOT NULL
    GROUP BY id
),

customers AS (
    SELECT
        coalesce(upper(clients.document_type), 'UNKNOWN') AS document_type,
        coalesce(upper(clients.gender), 'UNKNOWN') AS gender,
        coalesce(people.state, upper(clients.state), 'UNKNOWN') AS state,
        -- The year does not count before the birthday, whose month and day read as one number.
        CASE
            WHEN clients.birth_date <= $as_of
                THEN
                    extract(YEAR FROM $as_of) - extract(YEAR FROM clients.birth_date)
                    - CASE
                        WHEN
                            100 * extract(MONTH FROM $as_of) + extract(DAY FROM $as_of)
                            < 100 * extract(MONTH FROM clients.birth_date) + extract(DAY FROM clients.birth_date)
                            THEN 1
                        ELSE 0
                    END
        END AS age
    FROM clients
    LEFT JOIN people ON people.id = clients.user_id
),

ages AS (
    SELECT
        age,
        CASE
            WHEN age < 18 THEN 'under 18'
            WHEN age <= 25 THEN '18-25'
            WHEN age <= 35 THEN '26-35'
            WHEN age <= 45 THEN '36-45'
            WHEN age <= 55 THEN '46-55'
            WHEN age <= 65 THEN '56-65'
            ELSE '65+'
        END AS band,
        row_number() OVER (ORDER BY age) AS place,
        count(*) OVER () AS everyone
    FROM customers
    WHERE age IS NOT NULL
),

age_figures AS (
    -- The median lies at one place, or between two that count by their distance from it.
    SELECT
        round_half_away(avg(CAST(age AS DOUBLE)), 2) AS average_age,
        round_half_away(
            sum(CAST(age AS DOUBLE) * greatest(0, 1 - abs(place - 1 - CAST(everyone - 1 AS DOUBLE) / 2))), 2
        ) AS median_age
    FROM ages
)

SELECT 'total_clients' AS part, NULL AS name, count(*) AS clients, CAST(NULL AS DOUBLE) AS years FROM customers
UNION ALL
SELECT 'age_distribution', band, count(*), NULL FROM ages GROUP BY band
UNION ALL
SELECT 'average_age', NULL, NULL, average_age FROM age_figures
UNION ALL
SELECT 'median_age', NULL, NULL, median_age FROM age_figures
UNION ALL
SELECT 'document_types', document_type, count(*), NULL FROM customers GROUP BY document_type
UNION ALL
SELECT 'has_gender', NULL, NULL, NULL WHERE $clients_has_gender
UNION ALL
SELECT 'gender_distribution', gender, count(*), NULL FROM customers GROUP BY gender
UNION ALL
SELECT 'clients_by_state', state, count(*), NULL FROM customers GROUP BY state
UNION ALL
SELECT 'missing_birth_dates', NULL, count(*), NULL FROM customers WHERE age IS NULL
