"""Refreshing: how a double click gets the same successor, and the session of a refresh token."""

from alembic import op
from service_runtime.migrations import app_role

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds a column and a look-up, which sees past the isolation of tenants as those of 0001 do."""
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN successor_key bytea")
    op.execute(
        "CREATE POLICY lookups ON refresh_tokens FOR SELECT TO CURRENT_USER USING (current_user <> session_user)"
    )
    signature = "find_session_by_refresh_token(wanted bytea)"
    op.execute(
        f"""CREATE FUNCTION {signature} RETURNS TABLE (tenant_id uuid, session_id uuid)
            LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $lookup$ SELECT r.tenant_id, r.session_id FROM public.refresh_tokens r WHERE r.token_hash = wanted
            $lookup$"""  # noqa: S608
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role()}")
