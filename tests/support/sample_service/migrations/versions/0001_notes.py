"""Notes of tenants, jobs, and calls that must not be made twice."""

from alembic import op
from service_runtime.migrations import (
    create_idempotency_table,
    create_job_tables,
    enable_tenant_isolation,
    let_ended_jobs_be_removed,
)

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute("CREATE TABLE notes (id bigserial PRIMARY KEY, tenant_id uuid NOT NULL, body text NOT NULL)")
    op.execute("GRANT USAGE ON SEQUENCE notes_id_seq TO PUBLIC")
    # Its notes cannot go before it; and by name it comes after them.
    op.execute("CREATE TABLE remarks (tenant_id uuid NOT NULL, note_id bigint NOT NULL REFERENCES notes)")
    for table in ("notes", "remarks"):
        enable_tenant_isolation(table)
    create_job_tables()
    let_ended_jobs_be_removed()
    create_idempotency_table()
