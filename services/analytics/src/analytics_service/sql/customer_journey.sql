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

claims AS (
    -- Each claimed policy number once, with its first claim.
    SELECT
        policy_number,
        min(CASE WHEN fecha_reclamo <= $as_of THEN fecha_reclamo END) AS claimed_at
    FROM reclamos
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
),

claimed AS (
    SELECT
        contracts.customer_id,
        contracts.signed_at,
        claims.claimed_at
    FROM contracts
    INNER JOIN claims ON claims.policy_number = contracts.policy_number
),

claimants AS (
    SELECT DISTINCT claimed.customer_id
    FROM claimed
    WHERE claimed.customer_id IS NOT NULL
),

holders AS (
    -- Each customer of a policy once, with the first of its policies; every claimant is one of them.
    SELECT
        customer_id,
        min(
            CASE
                WHEN coalesce(created_at, start_date, issue_date) <= $as_of
                THEN coalesce(created_at, start_date, issue_date)
            END
        ) AS signed_at
    FROM policies
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

ways AS (
    -- How far each client came: 1 to a policy, 2 to a claim.
    SELECT
        customers.user_id,
        customers.created_at,
        holders.signed_at,
        CASE
            WHEN claimants.customer_id IS NOT NULL THEN 2
            WHEN holders.customer_id IS NOT NULL THEN 1
            ELSE 0
        END AS step
    FROM customers
    LEFT JOIN holders ON holders.customer_id = customers.customer_id
    LEFT JOIN claimants ON claimants.customer_id = customers.customer_id
),

furthest AS (
    SELECT
        user_id,
        max(step) AS step
    FROM ways
    WHERE user_id IS NOT NULL
    GROUP BY user_id
),

members AS (
    -- Also of clients without a key.
    SELECT DISTINCT clients.user_id
    FROM clients
    WHERE clients.user_id IS NOT NULL
),

counts AS (
    SELECT
        people.state,
        count(*) AS total_users,
        count(members.user_id) AS clients,
        count(*) FILTER (WHERE furthest.step >= 1) AS holders,
        count(*) FILTER (WHERE furthest.step = 2) AS claimants
    FROM people
    LEFT JOIN members ON members.user_id = people.id
    LEFT JOIN furthest ON furthest.user_id = people.id
    GROUP BY GROUPING SETS ((), (people.state))
),

-- Pairs in the wrong order are left out of the days, as are times after as_of.
user_to_client AS (
    SELECT avg(CAST(date_diff('millisecond', people.created_at, ways.created_at) AS DOUBLE)) / 86400000 AS days
    FROM ways
    INNER JOIN people ON people.id = ways.user_id
    WHERE people.created_at <= ways.created_at AND ways.created_at <= $as_of
),

client_to_policy AS (
    SELECT avg(CAST(date_diff('millisecond', created_at, signed_at) AS DOUBLE)) / 86400000 AS days
    FROM ways
    WHERE created_at <= signed_at
),

policy_to_claim AS (
    SELECT avg(CAST(date_diff('millisecond', signed_at, claimed_at) AS DOUBLE)) / 86400000 AS days
    FROM claimed
    WHERE signed_at <= claimed_at
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
