"""Erasure: how a tenant leaves."""

from alembic import op
from service_runtime.migrations import app_role, grant_to_app_role

revision = "0007"
down_revision = "0006"

# It outlives the tenant and then names none, so it is no tenant's table: hence no column is called tenant_id.
ERASURES = """
CREATE TABLE erasures (
    erasure_id uuid PRIMARY KEY,
    -- Whom it erases, as long as something may be left.
    leaving uuid CONSTRAINT erasures_leaving UNIQUE,
    requested_at timestamptz NOT NULL,
    -- When no token from before holds and no call that began with one goes on, whatever became of the news.
    calls_end_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    erased_rows bigint NOT NULL,
    erased_objects bigint NOT NULL,
    finished_at timestamptz,
    swept_again_at timestamptz
)
"""
SIGNATURE = "erase_audit(leaver uuid)"


def upgrade() -> None:
    """Adds the table, and the one way to take events out of the audit trail."""
    op.execute(ERASURES)
    op.execute("CREATE INDEX erasures_due ON erasures (due_at) WHERE leaving IS NOT NULL")
    grant_to_app_role("erasures", "SELECT, INSERT, UPDATE")
    # It sees the rows of the transaction's tenant alone, since row-level security is forced on its owner too.
    op.execute(
        f"""CREATE FUNCTION {SIGNATURE} RETURNS bigint
            LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $erase$
                WITH erased AS (
                    DELETE FROM public.audit_events e
                    WHERE e.tenant_id = leaver
                      AND EXISTS (SELECT FROM public.erasures WHERE leaving = leaver)
                      AND NOT EXISTS (SELECT FROM public.tenants t WHERE t.tenant_id = leaver AND t.is_active)
                    RETURNING 1)
                SELECT count(*) FROM erased
            $erase$"""  # noqa: S608
    )
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {app_role()}")
