"""Programs: API keys, proofs of services, and ways into a long audit trail."""

from alembic import op
from service_runtime.migrations import app_role, enable_tenant_isolation, grant_to_app_role

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    key_id uuid NOT NULL,
    key_hash bytea NOT NULL CONSTRAINT api_keys_hash UNIQUE,
    prefix text NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'user', 'admin')),
    -- A person's id or a program's name; without a foreign key, for a key outlives who made it.
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, key_id)
);
-- Belongs to no tenant: a proof names a service. What was used once is kept until it has expired anyway.
CREATE TABLE service_assertions (
    service text NOT NULL,
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (service, jti)
);
CREATE INDEX service_assertions_by_end ON service_assertions (expires_at);
-- Each in the order in which the trail is read.
CREATE INDEX audit_events_by_time ON audit_events (tenant_id, occurred_at, event_id);
CREATE INDEX audit_events_by_actor ON audit_events (tenant_id, actor, occurred_at, event_id);
CREATE INDEX audit_events_by_action ON audit_events (tenant_id, action COLLATE "C", occurred_at, event_id)
"""


def upgrade() -> None:
    """Adds the tables, and the look-up of a key, which sees past the isolation of tenants as those of 0001 do."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    enable_tenant_isolation("api_keys")
    # A key is revoked, not deleted; it goes with its tenant.
    op.execute(f"REVOKE DELETE ON api_keys FROM {app_role()}")
    grant_to_app_role("service_assertions")
    op.execute("CREATE POLICY lookups ON api_keys FOR SELECT TO CURRENT_USER USING (current_user <> session_user)")
    signature = "find_api_key(wanted bytea)"
    op.execute(
        f"""CREATE FUNCTION {signature} RETURNS TABLE (tenant_id uuid, key_id uuid, prefix text, role text,
                timezone text, last_used_at timestamptz, expires_at timestamptz, is_alive boolean)
            LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $lookup$
                SELECT k.tenant_id, k.key_id, k.prefix, k.role, t.timezone, k.last_used_at, k.expires_at,
                       k.revoked_at IS NULL AND t.is_active
                FROM public.api_keys k JOIN public.tenants t ON t.tenant_id = k.tenant_id
                WHERE k.key_hash = wanted
            $lookup$"""  # noqa: S608
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role()}")
