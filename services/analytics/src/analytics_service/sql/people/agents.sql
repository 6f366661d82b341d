-- Counts agents and gives the ten with most premium: one row for each of these, and every row has the counts.
WITH sales AS (
    SELECT
        agent_id,
        count(*) AS policies,
        count(DISTINCT customer_id) AS customers,
        sum(premium) AS total_premium,
        avg(premium) AS average_premium
    FROM policies
    WHERE agent_id IS NOT NULL
    GROUP BY agent_id
),

counts AS (
    SELECT
        count(*) AS total_agents,
        count(*) FILTER (WHERE agents.is_active) AS active_agents,
        count(*) FILTER (WHERE NOT agents.is_active) AS inactive_agents,
        count(*) FILTER (WHERE sales.agent_id IS NULL) AS without_policies
    FROM agents
    LEFT JOIN sales ON sales.agent_id = agents.id
),

crew AS (
    -- Each agent once, made of the smallest value of each column.
    SELECT
        id,
        min(code) AS code,
        CASE
            WHEN min(first_name) IS NULL THEN min(last_name)
            WHEN min(last_name) IS NULL THEN min(first_name)
            ELSE min(first_name) || ' ' || min(last_name)
        END AS name,
        bool_and(is_active) AS is_active
    FROM agents
    WHERE id IS NOT NULL
    GROUP BY id
),

results AS (
    SELECT
        crew.id AS agent_id,
        crew.code,
        crew.name,
        crew.is_active,
        coalesce(sales.policies, 0) AS policies,
        round_half_away(coalesce(sales.total_premium, 0), 2) AS total_premium,
        round_half_away(sales.average_premium, 2) AS average_premium,
        coalesce(sales.customers, 0) AS customers
    FROM crew
    LEFT JOIN sales ON sales.agent_id = crew.id
),

top AS (
    SELECT
        *,
        row_number() OVER (ORDER BY total_premium DESC NULLS LAST, name NULLS LAST, agent_id) AS place
    FROM results
)

SELECT
    counts.total_agents,
    counts.active_agents,
    counts.inactive_agents,
    round_half_away(
        CAST(100 * counts.active_agents AS DOUBLE) / nullif(counts.active_agents + counts.inactive_agents, 0), 1
    ) AS active_rate,
    counts.without_policies,
    top.agent_id,
    top.code,
    top.name,
    top.is_active,
    top.policies,
    top.total_premium,
    top.average_premium,
    top.customers
FROM counts
LEFT JOIN top ON top.place <= 10
ORDER BY top.place NULLS LAST
