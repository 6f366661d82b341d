-- Judges the columns of the four datasets: one row for each, whether it is there or not, one for each dataset (name NULL),
-- and one for all of them (dataset NULL). Every column is read once: an engine may have room for one set of texts, not all.
WITH judged (dataset, name, is_there, is_key, size, present, distinct_values, invalid) AS (
    SELECT 'users', 'id', $users_has_id, true, count(*), count(id), count(DISTINCT id), 0 FROM users
    UNION ALL
    SELECT
        'users', 'username', $users_has_username, false,
        count(*), count(username), count(DISTINCT username), 0
    FROM users
    UNION ALL
    -- Dialects differ in what their \s stands for: all white space of Unicode is meant.
    SELECT
        'users', 'email', $users_has_email, false, count(*), count(email), count(DISTINCT lower(email)),
        count(*) FILTER (
            WHERE
                NOT regexp_matches(
                    email, '\A[^@\s\x0B\x1C-\x1F\p{Z}]+@[^@\s\x0B\x1C-\x1F\p{Z}]+\.[^@\s\x0B\x1C-\x1F\p{Z}]+\z'
                )
        )
    FROM users
    UNION ALL
    SELECT 'users', 'role', $users_has_role, false, count(*), count(role), count(DISTINCT role), 0 FROM users
    UNION ALL
    SELECT
        'users', 'phone', $users_has_phone, false,
        count(*), count(phone), count(DISTINCT phone),
        count(*) FILTER (WHERE NOT regexp_matches(phone, '\A[^0-9]*([0-9][^0-9]*){6,15}\z'))
    FROM users
    UNION ALL
    SELECT 'users', 'state', $users_has_state, false, count(*), count(state), count(DISTINCT state), 0 FROM users
    UNION ALL
    SELECT 'users', 'city', $users_has_city, false, count(*), count(city), count(DISTINCT city), 0 FROM users
    UNION ALL
    SELECT
        'users', 'created_at', $users_has_created_at, false,
        count(*), count(created_at_text), count(DISTINCT created_at_text),
        count(*) FILTER (WHERE created_at_bad OR created_at > $as_of)
    FROM users
    UNION ALL
    SELECT
        'clients', 'user_id', $clients_has_user_id, NOT $clients_has_id,
        count(*), count(user_id), count(DISTINCT user_id), 0
    FROM clients
    UNION ALL
    SELECT
        'clients', 'first_name', $clients_has_first_name, false, count(*), count(first_name), count(DISTINCT first_name), 0
    FROM clients
    UNION ALL
    SELECT
        'clients', 'last_name', $clients_has_last_name, false, count(*), count(last_name), count(DISTINCT last_name), 0
    FROM clients
    UNION ALL
    SELECT
        'clients', 'document_type', $clients_has_document_type, false,
        count(*), count(document_type), count(DISTINCT document_type), 0
    FROM clients
    UNION ALL
    SELECT
        'clients', 'birth_date', $clients_has_birth_date, false,
        count(*), count(birth_date_text), count(DISTINCT birth_date_text),
        count(*) FILTER (WHERE birth_date_bad OR birth_date > $as_of)
    FROM clients
    UNION ALL
    SELECT 'clients', 'id', $clients_has_id, true, count(*), count(id), count(DISTINCT id), 0 FROM clients
    UNION ALL
    SELECT 'clients', 'gender', $clients_has_gender, false, count(*), count(gender), count(DISTINCT gender), 0 FROM clients
    UNION ALL
    SELECT 'clients', 'state', $clients_has_state, false, count(*), count(state), count(DISTINCT state), 0 FROM clients
    UNION ALL
    SELECT
        'clients', 'created_at', $clients_has_created_at, false,
        count(*), count(created_at_text), count(DISTINCT created_at_text),
        count(*) FILTER (WHERE created_at_bad OR created_at > $as_of)
    FROM clients
    UNION ALL
    SELECT 'agents', 'id', $agents_has_id, true, count(*), count(id), count(DISTINCT id), 0 FROM agents
    UNION ALL
    SELECT 'agents', 'code', $agents_has_code, false, count(*), count(code), count(DISTINCT code), 0 FROM agents
    UNION ALL
    SELECT
        'agents', 'first_name', $agents_has_first_name, false, count(*), count(first_name), count(DISTINCT first_name), 0
    FROM agents
    UNION ALL
    SELECT
        'agents', 'last_name', $agents_has_last_name, false,
        count(*), count(last_name), count(DISTINCT last_name), 0
    FROM agents
    UNION ALL
    SELECT
        'agents', 'is_active', $agents_has_is_active, false,
        count(*), count(is_active_text), count(DISTINCT is_active_text),
        count(*) FILTER (WHERE is_active_bad)
    FROM agents
    UNION ALL
    SELECT
        'beneficiaries', 'client_id', $client_beneficiaries_has_client_id, false,
        count(*), count(client_id), count(DISTINCT client_id), 0
    FROM client_beneficiaries
    UNION ALL
    SELECT
        'beneficiaries', 'relationship', $client_beneficiaries_has_relationship, false,
        count(*), count(relationship), count(DISTINCT relationship), 0
    FROM client_beneficiaries
    UNION ALL
    SELECT
        'beneficiaries', 'birth_date', $client_beneficiaries_has_birth_date, false,
        count(*), count(birth_date_text), count(DISTINCT birth_date_text),
        count(*) FILTER (WHERE birth_date_bad OR birth_date > $as_of)
    FROM client_beneficiaries
),

client_keys AS (
    SELECT CASE WHEN $clients_has_id THEN id ELSE user_id END AS id FROM clients
),

-- Cells that refer to nobody.
lost (dataset, name, orphans, distinct_orphans) AS (
    SELECT 'clients', 'user_id', count(*), count(DISTINCT user_id)
    FROM clients
    WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT users.id FROM users WHERE users.id IS NOT NULL)
    UNION ALL
    SELECT 'beneficiaries', 'client_id', count(*), count(DISTINCT client_id)
    FROM client_beneficiaries
    WHERE
        client_id IS NOT NULL
        AND client_id NOT IN (SELECT client_keys.id FROM client_keys WHERE client_keys.id IS NOT NULL)
),

figures AS (
    SELECT
        judged.dataset,
        judged.name,
        judged.is_there,
        judged.size,
        judged.size - judged.present AS missing,
        judged.distinct_values,
        judged.invalid,
        lost.orphans,
        CASE WHEN judged.is_key THEN judged.present - judged.distinct_values ELSE 0 END AS repeated,
        -- An orphan that repeats a key is bad once: of the repeated, only those that are no orphans come on top.
        judged.size - judged.present + judged.invalid + coalesce(lost.orphans, 0)
        + CASE
            WHEN judged.is_key
                THEN
                    (judged.present - coalesce(lost.orphans, 0))
                    - (judged.distinct_values - coalesce(lost.distinct_orphans, 0))
            ELSE 0
        END AS bad
    FROM judged
    LEFT JOIN lost ON lost.dataset = judged.dataset AND lost.name = judged.name
)

SELECT
    dataset,
    name,
    bool_and(is_there) AS is_there,
    max(size) AS size,
    sum(missing) AS missing,
    round_half_away(CAST(100 * sum(missing) AS DOUBLE) / nullif(sum(size), 0), 1) AS missing_rate,
    sum(distinct_values) AS distinct_values,
    sum(invalid) AS invalid,
    sum(orphans) AS orphans,
    sum(repeated) AS repeated,
    round_half_away(
        100 * (
            1 - CAST(sum(bad) FILTER (WHERE is_there) AS DOUBLE) / nullif(sum(size) FILTER (WHERE is_there), 0)
        ), 1
    ) AS quality_score
FROM figures
GROUP BY GROUPING SETS ((dataset, name), (dataset), ())
