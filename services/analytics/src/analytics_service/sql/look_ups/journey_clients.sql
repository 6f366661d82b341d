-- The clients with the first of their policies' dates.
WITH holders AS (
    SELECT
        customer_id,
        min(coalesce(created_at, start_date, issue_date)) AS signed_at
    FROM policies
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
)

SELECT
    journey_people.customer_id,
    journey_people.user_number,
    journey_people.state,
    journey_people.user_created_at,
    journey_people.created_at,
    holders.customer_id IS NOT NULL AS is_holder,
    holders.signed_at
FROM journey_people
LEFT JOIN holders ON holders.customer_id = journey_people.customer_id
