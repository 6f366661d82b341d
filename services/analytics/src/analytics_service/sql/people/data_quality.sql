-- Judges every cell of the four datasets: one row for each column that the file has, one for each dataset (name NULL), and
-- one for all of them (dataset NULL).
WITH documented (dataset, name, is_there, is_reference) AS (
    VALUES
    ('users', 'id', $users_has_id, false),
    ('users', 'username', $users_has_username, false),
    ('users', 'email', $users_has_email, false),
    ('users', 'role', $users_has_role, false),
    ('users', 'phone', $users_has_phone, false),
    ('users', 'state', $users_has_state, false),
    ('users', 'city', $users_has_city, false),
    ('users', 'created_at', $users_has_created_at, false),
    ('clients', 'user_id', $clients_has_user_id, true),
    ('clients', 'first_name', $clients_has_first_name, false),
    ('clients', 'last_name', $clients_has_last_name, false),
    ('clients', 'document_type', $clients_has_document_type, false),
    ('clients', 'birth_date', $clients_has_birth_date, false),
    ('clients', 'id', $clients_has_id, false),
    ('clients', 'gender', $clients_has_gender, false),
    ('clients', 'state', $clients_has_state, false),
    ('clients', 'created_at', $clients_has_created_at, false),
    ('agents', 'id', $agents_has_id, false),
    ('agents', 'code', $agents_has_code, false),
    ('agents', 'first_name', $agents_has_first_name, false),
    ('agents', 'last_name', $agents_has_last_name, false),
    ('agents', 'is_active', $agents_has_is_active, false),
    ('beneficiaries', 'client_id', $client_beneficiaries_has_client_id, true),
    ('beneficiaries', 'relationship', $client_beneficiaries_has_relationship, false),
    ('beneficiaries', 'birth_date', $client_beneficiaries_has_birth_date, false)
),

client_keys AS (
    SELECT CASE WHEN $clients_has_id THEN id ELSE user_id END AS id FROM clients
),

-- A cell each: its text as it is told from others, whether it is invalid, refers to nobody, or repeats a key.
cells (dataset, name, value, is_invalid, is_orphan, is_repeated) AS (
    SELECT 'users', 'id', id, false, false, row_number() OVER (PARTITION BY id ORDER BY id) > 1 FROM users
    UNION ALL
    SELECT 'users', 'username', username, false, false, false FROM users
    UNION ALL
    SELECT
        'users', 'email', lower(email), NOT regexp_matches(email, '\A[^@\s\v\p{Z}]+@[^@\s\v\p{Z}]+\.[^@\s\v\p{Z}]+\z'), false, false
    FROM users
    UNION ALL
    SELECT 'users', 'role', role, false, false, false FROM users
    UNION ALL
    SELECT 'users', 'phone', phone, NOT regexp_matches(phone, '\A[^0-9]*([0-9][^0-9]*){6,15}\z'), false, false FROM users
    UNION ALL
    SELECT 'users', 'state', state, false, false, false FROM users
    UNION ALL
    SELECT 'users', 'city', city, false, false, false FROM users
    UNION ALL
    SELECT 'users', 'created_at', created_at_text, created_at_bad OR created_at > $as_of, false, false FROM users
    UNION ALL
    SELECT
        'clients', 'user_id', user_id, false, user_id NOT IN (SELECT users.id FROM users WHERE users.id IS NOT NULL),
        NOT $clients_has_id AND row_number() OVER (PARTITION BY user_id ORDER BY user_id) > 1
    FROM clients
    UNION ALL
    SELECT 'clients', 'first_name', first_name, false, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'last_name', last_name, false, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'document_type', document_type, false, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'birth_date', birth_date_text, birth_date_bad OR birth_date > $as_of, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'id', id, false, false, row_number() OVER (PARTITION BY id ORDER BY id) > 1 FROM clients
    UNION ALL
    SELECT 'clients', 'gender', gender, false, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'state', state, false, false, false FROM clients
    UNION ALL
    SELECT 'clients', 'created_at', created_at_text, created_at_bad OR created_at > $as_of, false, false FROM clients
    UNION ALL
    SELECT 'agents', 'id', id, false, false, row_number() OVER (PARTITION BY id ORDER BY id) > 1 FROM agents
    UNION ALL
    SELECT 'agents', 'code', code, false, false, false FROM agents
    UNION ALL
    SELECT 'agents', 'first_name', first_name, false, false, false FROM agents
    UNION ALL
    SELECT 'agents', 'last_name', last_name, false, false, false FROM agents
    UNION ALL
    SELECT 'agents', 'is_active', is_active_text, is_active_bad, false, false FROM agents
    UNION ALL
    SELECT
        'beneficiaries', 'client_id', client_id, false,
        client_id NOT IN (SELECT client_keys.id FROM client_keys WHERE client_keys.id IS NOT NULL), false
    FROM client_beneficiaries
    UNION ALL
    SELECT 'beneficiaries', 'relationship', relationship, false, false, false FROM client_beneficiaries
    UNION ALL
    SELECT 'beneficiaries', 'birth_date', birth_date_text, birth_date_bad OR birth_date > $as_of, false, false
    FROM client_beneficiaries
),

judged AS (
    SELECT
        dataset,
        name,
        count(*) AS cells,
        count(*) FILTER (WHERE value IS NULL) AS missing,
        count(DISTINCT value) AS distinct_values,
        count(*) FILTER (WHERE is_invalid) AS invalid,
        count(*) FILTER (WHERE value IS NOT NULL AND is_orphan) AS orphans,
        count(*) FILTER (WHERE value IS NOT NULL AND is_repeated) AS repeated,
        count(*) FILTER (WHERE value IS NULL OR is_invalid OR is_orphan OR is_repeated) AS bad
    FROM cells
    GROUP BY dataset, name
),

columns_there AS (
    SELECT
        documented.dataset,
        documented.name,
        coalesce(judged.cells, 0) AS cells,
        coalesce(judged.missing, 0) AS missing,
        coalesce(judged.distinct_values, 0) AS distinct_values,
        coalesce(judged.invalid, 0) AS invalid,
        CASE WHEN documented.is_reference THEN coalesce(judged.orphans, 0) END AS orphans,
        coalesce(judged.repeated, 0) AS repeated,
        coalesce(judged.bad, 0) AS bad
    FROM documented
    LEFT JOIN judged ON judged.dataset = documented.dataset AND judged.name = documented.name
    WHERE documented.is_there
),

sizes (dataset, size) AS (
    SELECT 'users', count(*) FROM users
    UNION ALL
    SELECT 'clients', count(*) FROM clients
    UNION ALL
    SELECT 'agents', count(*) FROM agents
    UNION ALL
    SELECT 'beneficiaries', count(*) FROM client_beneficiaries
)

SELECT
    dataset,
    name,
    cells AS size,
    missing,
    round_half_away(CAST(100 * missing AS DOUBLE) / nullif(cells, 0), 1) AS missing_rate,
    distinct_values,
    invalid,
    orphans,
    NULL AS repeated,
    NULL AS quality_score
FROM columns_there
UNION ALL
SELECT
    sizes.dataset,
    NULL,
    sizes.size,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    coalesce(sum(columns_there.repeated), 0),
    round_half_away(100 * (1 - CAST(sum(columns_there.bad) AS DOUBLE) / nullif(sum(columns_there.cells), 0)), 1)
FROM sizes
LEFT JOIN columns_there ON columns_there.dataset = sizes.dataset
GROUP BY sizes.dataset, sizes.size
UNION ALL
SELECT
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    round_half_away(100 * (1 - CAST(sum(bad) AS DOUBLE) / nullif(sum(cells), 0)), 1)
FROM columns_there
