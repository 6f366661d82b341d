-- Each policy number once, with the date that counts for the journey, and the user whom a claim on it brings to the
-- journey's end.
WITH contracts AS (
    SELECT
        policy_number,
        min(customer_id) AS customer_id,
        coalesce(min(created_at), min(start_date), min(issue_date)) AS signed_at
    FROM policies
    WHERE policy_number IS NOT NULL
    GROUP BY policy_number
)

SELECT
    contracts.policy_number,
    contracts.signed_at,
    journey_clients.user_number,
    journey_clients.state
FROM contracts
LEFT JOIN journey_clients ON journey_clients.customer_id = contracts.customer_id
