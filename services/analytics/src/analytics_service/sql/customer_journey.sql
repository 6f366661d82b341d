-- Follows users to clients, policyholders and claimants, and says how many days each step took.
-- One row for each state, and one with state NULL for all users. Every step counts distinct users.
WITH claimed AS (
    -- Pairs in the wrong order are left out of the days, as are times after as_of.
    SELECT
        coalesce(journey_contracts.state, 'UNKNOWN') AS state,
        journey_contracts.user_number,
        CASE
            WHEN journey_contracts.signed_at <= policy_claims.claimed_at AND policy_claims.claimed_at <= $as_of
            THEN CAST(date_diff('millisecond', journey_contracts.signed_at, policy_claims.claimed_at) AS DOUBLE)
        END AS waited
    FROM journey_contracts
    INNER JOIN policy_claims ON policy_claims.policy_number = journey_contracts.policy_number
),

facts AS (
    SELECT
        state,
        total_users,
        clients,
        holders,
        0 AS claimants,
        0 AS waits,
        NULL AS waited
    FROM journey_states
    UNION ALL
    -- Also what nobody known has signed, for the days.
    SELECT state, 0, 0, 0, count(DISTINCT user_number), count(waited), sum(waited)
    FROM claimed
    GROUP BY state
),

counts AS (
    SELECT
        state,
        CAST(coalesce(sum(total_users), 0) AS BIGINT) AS total_users,
        CAST(coalesce(sum(clients), 0) AS BIGINT) AS clients,
        CAST(coalesce(sum(holders), 0) AS BIGINT) AS holders,
        CAST(coalesce(sum(claimants), 0) AS BIGINT) AS claimants,
        CAST(sum(waited) AS DOUBLE) / nullif(sum(waits), 0) / 86400000 AS days_policy_to_claim
    FROM facts
    GROUP BY GROUPING SETS ((), (state))
),

client_days AS (
    SELECT
        avg(
            CASE
                WHEN user_created_at <= created_at AND created_at <= $as_of
                THEN CAST(date_diff('millisecond', user_created_at, created_at) AS DOUBLE)
            END
        ) / 86400000 AS user_to_client,
        avg(
            CASE
                WHEN created_at <= signed_at AND signed_at <= $as_of
                THEN CAST(date_diff('millisecond', created_at, signed_at) AS DOUBLE)
            END
        ) / 86400000 AS client_to_policy
    FROM journey_clients
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
    round_half_away(client_days.user_to_client, 2) AS days_user_to_client,
    round_half_away(client_days.client_to_policy, 2) AS days_client_to_policy,
    round_half_away(counts.days_policy_to_claim, 2) AS days_policy_to_claim
FROM counts
CROSS JOIN client_days
WHERE counts.state IS NULL OR counts.total_users > 0
ORDER BY counts.state
