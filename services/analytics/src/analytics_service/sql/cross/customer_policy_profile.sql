-- Describes the clients that have policies, by how many, by state, by age and the ten with most premium.
-- One row for each group of each part; policies of customers that are not among the clients are left out.
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
    -- Each client once, by the key that policies name: clients.id where there is that column, else clients.user_id.
    SELECT
        customer_id,
        min(user_id) AS user_id,
        min(first_name) AS first_name,
        min(last_name) AS last_name,
        min(birth_date) AS birth_date,
        min(upper(state)) AS state
    FROM (
        SELECT
            CASE WHEN $clients_has_id THEN id ELSE user_id END AS customer_id,
            user_id,
            first_name,
            last_name,
            birth_date,
            state
        FROM clients
    ) AS keyed
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

holdings AS (
    SELECT
        customer_id,
        count(*) AS policies,
        sum(premium) AS premium,
        count(premium) AS premiums,
        sum(sum_insured) AS sum_insured,
        count(sum_insured) AS sums_insured
    FROM policies
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

holders AS (
    SELECT
        customers.customer_id,
        coalesce(customers.first_name || ' ' || customers.last_name, customers.first_name, customers.last_name) AS name,
        coalesce(people.state, customers.state, 'UNKNOWN') AS state,
        -- The year does not count before the birthday, whose month and day read as one number.
        CASE
            WHEN customers.birth_date <= $as_of
                THEN
                    extract(YEAR FROM $as_of) - extract(YEAR FROM customers.birth_date)
                    - CASE
                        WHEN
                            100 * extract(MONTH FROM $as_of) + extract(DAY FROM $as_of)
                            < 100 * extract(MONTH FROM customers.birth_date) + extract(DAY FROM customers.birth_date)
                            THEN 1
                        ELSE 0
                    END
        END AS age,
        CASE holdings.policies WHEN 1 THEN '1' WHEN 2 THEN '2' ELSE '3+' END AS how_many,
        holdings.policies,
        holdings.premium,
        holdings.premiums,
        holdings.sum_insured,
        holdings.sums_insured
    FROM customers
    INNER JOIN holdings ON holdings.customer_id = customers.customer_id
    LEFT JOIN people ON people.id = customers.user_id
),

aged AS (
    SELECT
        *,
        CASE
            WHEN age IS NULL THEN 'UNKNOWN'
            WHEN age < 18 THEN 'under 18'
            WHEN age <= 25 THEN '18-25'
            WHEN age <= 35 THEN '26-35'
            WHEN age <= 45 THEN '36-45'
            WHEN age <= 55 THEN '46-55'
            WHEN age <= 65 THEN '56-65'
            ELSE '65+'
        END AS age_group
    FROM holders
),

groups AS (
    -- No label is ever NULL in a row, so a NULL says that the group is not of that label.
    SELECT
        CASE
            WHEN state IS NOT NULL THEN 'state'
            WHEN age_group IS NOT NULL THEN 'age_group'
            WHEN how_many IS NOT NULL THEN 'how_many'
            ELSE 'with_policies'
        END AS part,
        coalesce(state, age_group, how_many) AS label,
        count(*) AS customers,
        CAST(sum(policies) AS BIGINT) AS policies,
        round_half_away(sum(premium) / nullif(CAST(sum(premiums) AS DOUBLE), 0), 2) AS average_premium,
        round_half_away(sum(sum_insured) / nullif(CAST(sum(sums_insured) AS DOUBLE), 0), 2) AS average_sum_insured
    FROM aged
    GROUP BY GROUPING SETS ((), (state), (age_group), (how_many))
),

ranked AS (
    SELECT
        customer_id,
        name,
        policies,
        premium,
        row_number() OVER (ORDER BY premium DESC NULLS LAST, name NULLS LAST, customer_id) AS place
    FROM (
        SELECT
            customer_id,
            name,
            policies,
            round_half_away(coalesce(premium, 0), 2) AS premium
        FROM holders
    ) AS rounded
)

SELECT
    part,
    label,
    NULL AS name,
    customers,
    policies,
    average_premium,
    average_sum_insured,
    NULL AS total_premium,
    0 AS place
FROM groups
UNION ALL
SELECT
    'without_policies',
    NULL,
    NULL,
    count(*) - (SELECT count(*) FROM holders),
    0,
    NULL,
    NULL,
    NULL,
    0
FROM customers
UNION ALL
SELECT
    'high_value',
    customer_id,
    name,
    1,
    policies,
    NULL,
    NULL,
    premium,
    place
FROM ranked
WHERE place <= 10
ORDER BY place
