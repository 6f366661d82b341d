-- Follows users to clients, policyholders and claimants, and says how many days each step took.
-- One row for each state, and one with state NULL for all users. Every step counts distinct users.
WITH people AS (
    -- Each user once, made of the smallest value of each column.
    SELECT
        id,
        coalesce(min(upper(state)), 'UNKNOWN') AS state,
        min(created_at) AS created_at
    FROM users
    WHERE id IS NOT NULL
    GROUP BY id
),

customers AS (
    -- Each client once, by the key that policies name: clients.id where there is that column, else clients.user_id.
    SELECT
        customer_id,
        min(user_id) AS user_id,
        min(created_at) AS created_at
    FROM (
        SELECT CASE WHEN $clients_has_id THEN id ELSE user_id END AS customer_id, user_id, created_at
        FROM clients
    ) AS keyed
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

contracts AS (
    -- Each policy number once, with the date that counts for the journey.
    SELECT
        policy_number,
        min(customer_id) AS customer_id,
        coalesce(min(created_at), min(start_date), min(issue_date)) AS signed_at
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

first_policies AS (
    SELECT
        customer_id,
        min(coalesce(created_at, start_date, issue_date)) AS signed_at
    FROM policies
    WHERE coalesce(created_at, start_date, issue_date) <= $as_of
    GROUP BY customer_id
),

first_claims AS (
    SELECT
        policy_number,
        min(fecha_reclamo) AS claimed_at
    FROM reclamos
    WHERE fecha_reclamo <= $as_of
    GROUP BY policy_number
),

holders AS (
    SELECT customers.user_id
    FROM customers
    WHERE customers.customer_id IN (SELECT policies.customer_id FROM policies)
),

claimants AS (
    SELECT customers.user_id
    FROM customers
    INNER JOIN contracts ON contracts.customer_id = customers.customer_id
    WHERE contracts.policy_number IN (SELECT reclamos.policy_number FROM reclamos)
),

steps AS (
    SELECT
        people.state,
        people.id IN (SELECT clients.user_id FROM clients) AS is_client,
        people.id IN (SELECT holders.user_id FROM holders) AS is_holder,
        people.id IN (SELECT claimants.user_id FROM claimants) AS is_claimant
    FROM people
),

counts AS (
    SELECT
        state,
        count(*) AS total_users,
        count(*) FILTER (WHERE is_client) AS clients,
        count(*) FILTER (WHERE is_holder) AS holders,
        count(*) FILTER (WHERE is_claimant) AS claimants
    FROM steps
    GROUP BY GROUPING SETS ((), (state))
),

-- Pairs in the wrong order are left out of the days, as are times after as_of.
user_to_client AS (
    SELECT avg(CAST(date_diff('millisecond', people.created_at, customers.created_at) AS DOUBLE)) / 86400000 AS days
    FROM customers
    INNER JOIN people ON people.id = customers.user_id
    WHERE people.created_at <= customers.created_at AND customers.created_at <= $as_of
),

client_to_policy AS (
    SELECT avg(CAST(date_diff('millisecond', customers.created_at, first_policies.signed_at) AS DOUBLE)) / 86400000 AS days
    FROM customers
    INNER JOIN first_policies ON first_policies.customer_id = customers.customer_id
    WHERE customers.created_at <= first_policies.signed_at
),

policy_to_claim AS (
    SELECT avg(CAST(date_diff('millisecond', contracts.signed_at, first_claims.claimed_at) AS DOUBLE)) / 86400000 AS days
    FROM contracts
    INNER JOIN first_claims ON first_claims.policy_number = contracts.policy_number
    WHERE contracts.signed_at <= first_claims.claimed_at
)

SELECT
    counts.state,
    counts.total_users,
    counts.clients,
    counts.holders,
    counts.claimants,
    round_half_away(CAST(100 * counts.clients AS DOUBLE) / nullif(counts.total_users, 0), 1) AS user_to_client,
    round_half_away(CAST(100 * counts.holders AS DOUBLE) / nullif(counts.clients, 0), 1) AS client_to_policy,
    round_half_away(CAST(100 * counts.claimants AS DOUBLE) / nullif(counts.holders, 0), 1) AS policy_to_claim,
    round_half_away(CAST(100 * counts.holders AS DOUBLE) / nullif(counts.total_users, 0), 1) AS overall_conversion,
    round_half_away((SELECT days FROM user_to_client), 2) AS days_user_to_client,
    round_half_away((SELECT days FROM client_to_policy), 2) AS days_client_to_policy,
    round_half_away((SELECT days FROM policy_to_claim), 2) AS days_policy_to_claim
FROM counts
ORDER BY counts.state
