"""Tenants, people, sessions, counters of attempts and the audit trail."""

from alembic import op
from service_runtime.migrations import app_role, enable_tenant_isolation, grant_to_app_role

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL CONSTRAINT tenants_name_key UNIQUE,
    timezone text NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE users (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    user_id uuid NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL CONSTRAINT users_email_key UNIQUE,
    username text NOT NULL,
    username_key text NOT NULL,
    full_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'user', 'admin')),
    password_hash text NOT NULL,
    password_changed_at timestamptz NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_login_at timestamptz,
    PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT users_username_key UNIQUE (tenant_id, username_key)
);
CREATE INDEX users_by_username ON users (username_key);
CREATE TABLE sessions (
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    previous_login_at timestamptz,
    source text NOT NULL,
    user_agent text NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, created_at);
CREATE TABLE refresh_tokens (
    tenant_id uuid NOT NULL,
    token_id uuid NOT NULL,
    family_id uuid NOT NULL,
    session_id uuid NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT refresh_tokens_hash UNIQUE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, token_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (tenant_id, family_id);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (tenant_id, session_id);
-- Without a foreign key: the trail also tells of people and tenants that are gone or never were.
CREATE TABLE audit_events (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    outcome text NOT NULL,
    source text NOT NULL,
    user_agent text NOT NULL,
    request_id text NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);
-- Belongs to no tenant: it is counted before one is known, and under hashes of what was typed.
CREATE TABLE login_attempts (
    attempt_key bytea PRIMARY KEY,
    kind text NOT NULL,
    failures integer NOT NULL,
    since timestamptz NOT NULL,
    blocked_until timestamptz
)
"""

ACCOUNT_COLUMNS = """tenant_id uuid, user_id uuid, email_key text, username text, username_key text, role text,
    timezone text, password_hash text, is_active boolean, known_source boolean"""

FIND_ACCOUNT = """
    SELECT u.tenant_id, u.user_id, u.email_key, u.username, u.username_key, u.role, t.timezone, u.password_hash,
           u.is_active AND t.is_active,
           from_source <> '' AND EXISTS (
               SELECT FROM public.sessions s
               WHERE s.tenant_id = u.tenant_id AND s.user_id = u.user_id
                 AND s.created_at >= seen_since AND s.source = from_source)
    FROM public.users u JOIN public.tenants t ON t.tenant_id = u.tenant_id
"""

LOOKUPS = {
    "find_account_by_email(wanted text, from_source text, seen_since timestamptz)": (
        f"TABLE ({ACCOUNT_COLUMNS})",
        f"{FIND_ACCOUNT} WHERE u.email_key = wanted",
    ),
    "find_account_by_username(wanted text, from_source text, seen_since timestamptz)": (
        f"TABLE ({ACCOUNT_COLUMNS})",
        f"""{FIND_ACCOUNT} WHERE u.username_key = wanted
            AND (SELECT count(*) FROM public.users namesake WHERE namesake.username_key = wanted) = 1""",  # noqa: S608
    ),
    "email_is_taken(wanted text)": ("boolean", "SELECT EXISTS (SELECT FROM public.users WHERE email_key = wanted)"),
    "find_tenant_by_name(wanted text)": ("uuid", "SELECT tenant_id FROM public.tenants WHERE name_key = wanted"),
}


def upgrade() -> None:
    """Creates tables, their isolation, and the look-ups that see past it."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in ("tenants", "users", "sessions", "refresh_tokens", "audit_events"):
        enable_tenant_isolation(table)
    # The trail is only ever added to.
    op.execute(f"REVOKE UPDATE, DELETE ON audit_events FROM {app_role()}")
    grant_to_app_role("login_attempts")
    for table in ("tenants", "users", "sessions"):
        _let_lookups_see(table)
    for signature, (result, body) in LOOKUPS.items():
        _create_lookup(signature, result, body)


def _let_lookups_see(table: str) -> None:
    """Row-level security is forced on the owner too. This lets it read every row, but only inside a SECURITY DEFINER
    function that somebody else called: there, and nowhere else, the current user is not the one who logged in."""
    op.execute(f"CREATE POLICY lookups ON {table} FOR SELECT TO CURRENT_USER USING (current_user <> session_user)")


def _create_lookup(signature: str, result: str, body: str) -> None:
    op.execute(
        f"""CREATE FUNCTION {signature} RETURNS {result}
            LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $lookup$ {body} $lookup$"""
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role()}")
