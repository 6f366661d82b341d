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

groups AS (
    SELECT
        CASE
            WHEN document_type IS NOT NULL THEN 'document_types'
            WHEN gender IS NOT NULL THEN 'gender_distribution'
            WHEN state IS NOT NULL THEN 'clients_by_state'
            ELSE 'all'
        END AS part,
        coalesce(document_type, gender, state) AS name,
        count(*) AS clients,
        count(*) FILTER (WHERE age IS NULL) AS without_age
    FROM customers
    GROUP BY GROUPING SETS ((), (document_type), (gender), (state))
),

ages AS (
    SELECT
        age,
        count(*) AS clients,
        sum(count(*)) OVER (ORDER BY age) AS up_to_this_age,
        sum(count(*)) OVER () AS everyone
    FROM customers
    WHERE age IS NOT NULL
    GROUP BY age
),

bands AS (
    SELECT
        CASE
            WHEN age < 18 THEN 'under 18'
            WHEN age <= 25 THEN '18-25'
            WHEN age <= 35 THEN '26-35'
            WHEN age <= 45 THEN '36-45'
            WHEN age <= 55 THEN '46-55'
            WHEN age <= 65 THEN '56-65'
            ELSE '65+'
        END AS band,
        clients
    FROM ages
),

age_figures AS (
    SELECT
        round_half_away(CAST(sum(age * clients) AS DOUBLE) / nullif(sum(clients), 0), 2) AS average_age,
        -- The middle of the two ages at the middle, which are one where the number of clients is odd.
        round_half_away(
            CAST(
                min(age) FILTER (WHERE 2 * up_to_this_age >= everyone)
                + min(age) FILTER (WHERE 2 * up_to_this_age > everyone) AS DOUBLE
            ) / 2, 2
        ) AS median_age
    FROM ages
)

SELECT
    part,
    name,
    clients,
    without_age,
    CAST(NULL AS DOUBLE) AS average_age,
    CAST(NULL AS DOUBLE) AS median_age
FROM groups
WHERE part <> 'gender_distribution' OR $clients_has_gender
UNION ALL
SELECT 'age_distribution', band, sum(clients), NULL, NULL, NULL FROM bands GROUP BY band
UNION ALL
SELECT 'ages', NULL, NULL, NULL, average_age, median_age FROM age_figures
UNION ALL
SELECT 'has_gender', NULL, NULL, NULL, NULL, NULL WHERE $clients_has_gender
