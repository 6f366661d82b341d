-- Ranks the agents by premium, with their customers and the claims on their policies.
-- One row for each agent in order of rank, and one with agent_id NULL for all of them together.
WITH people AS (
    -- Each user once, with the smallest of its states.
    SELECT
        id,
        min(upper(state)) AS state
    FROM users
    WHERE id IS NOT NULL
    GROUP BY id
),

homes AS (
    -- Each client's state, by the key that policies name: clients.id where there is that column, else clients.user_id.
    SELECT
        customers.customer_id,
        coalesce(people.state, customers.state) AS state
    FROM (
        SELECT
            customer_id,
            min(user_id) AS user_id,
            min(upper(state)) AS state
        FROM (
            SELECT CASE WHEN $clients_has_id THEN id ELSE user_id END AS customer_id, user_id, state
            FROM clients
        ) AS keyed
        WHERE customer_id IS NOT NULL
        GROUP BY customer_id
    ) AS customers
    LEFT JOIN people ON people.id = customers.user_id
),

sellers AS (
    -- Each agent once, made of the smallest value of each column; false is the smaller of yes and no.
    SELECT
        id,
        min(code) AS code,
        coalesce(min(first_name) || ' ' || min(last_name), min(first_name), min(last_name)) AS name,
        bool_and(is_active) AS is_active
    FROM agents
    WHERE id IS NOT NULL
    GROUP BY id
),

sales AS (
    -- What one customer has of one agent; policies without a customer stand together.
    SELECT
        agent_id,
        customer_id,
        count(*) AS policies,
        sum(premium) AS premium,
        count(premium) AS premiums
    FROM policies
    WHERE agent_id IN (SELECT sellers.id FROM sellers)
    GROUP BY agent_id, customer_id
),

sold AS (
    SELECT
        sales.agent_id,
        CAST(sum(sales.policies) AS BIGINT) AS policies,
        count(DISTINCT sales.customer_id) AS customers,
        count(sales.customer_id) FILTER (WHERE sales.policies >= 2) AS kept_customers,
        count(DISTINCT homes.state) AS states,
        coalesce(sum(sales.premium), 0) AS premium,
        CAST(sum(sales.premiums) AS DOUBLE) AS premiums
    FROM sales
    LEFT JOIN homes ON homes.customer_id = sales.customer_id
    GROUP BY GROUPING SETS ((), (sales.agent_id))
),

contracts AS (
    -- Each policy number once, with the agent that a claim on it finds.
    SELECT
        policy_number,
        min(agent_id) AS agent_id
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

claimed AS (
    SELECT
        contracts.agent_id,
        count(*) AS claims,
        sum(reclamos.monto) FILTER (WHERE upper(reclamos.estado) IN ('APROBADO', 'APROBADA', 'APPROVED')) AS approved
    FROM reclamos
    INNER JOIN contracts ON contracts.policy_number = reclamos.policy_number
    WHERE contracts.agent_id IN (SELECT sellers.id FROM sellers)
    GROUP BY GROUPING SETS ((), (contracts.agent_id))
),

listed AS (
    SELECT id, code, name, is_active FROM sellers
    UNION ALL
    SELECT NULL, NULL, NULL, NULL
),

figures AS (
    SELECT
        listed.id AS agent_id,
        listed.code,
        listed.name,
        listed.is_active,
        coalesce(sold.policies, 0) AS policies,
        coalesce(sold.customers, 0) AS customers,
        round_half_away(coalesce(sold.premium, 0), 2) AS total_premium,
        round_half_away(sold.premium / nullif(sold.premiums, 0), 2) AS average_premium,
        coalesce(sold.states, 0) AS states,
        coalesce(claimed.claims, 0) AS claims,
        round_half_away(coalesce(claimed.approved, 0), 2) AS approved_amount,
        round_half_away(coalesce(claimed.approved, 0) / nullif(sold.premium, 0), 4) AS loss_ratio,
        round_half_away(CAST(100 * sold.kept_customers AS DOUBLE) / nullif(sold.customers, 0), 1) AS retention_rate
    FROM listed
    LEFT JOIN sold ON sold.agent_id IS NOT DISTINCT FROM listed.id
    LEFT JOIN claimed ON claimed.agent_id IS NOT DISTINCT FROM listed.id
)

SELECT
    *,
    (SELECT count(*) FROM sellers) AS agents,
    sum(CASE WHEN NOT is_active AND policies > 0 THEN 1 ELSE 0 END) OVER () AS inactive_with_policies,
    row_number() OVER (ORDER BY agent_id IS NULL, total_premium DESC NULLS LAST, name NULLS LAST, agent_id) AS place
FROM figures
ORDER BY place
