"""What is removed at night, and which changes of the lake somebody waits for."""

from alembic import op
from service_runtime.migrations import enable_tenant_isolation

revision = "0007"
down_revision = "0006"

TABLES = """
-- When a tenant's old files and rejected rows are looked for next; in the queue stands one call for each row.
CREATE TABLE clean_ups (
    tenant_id uuid PRIMARY KEY,
    timezone text NOT NULL,
    due_at timestamptz NOT NULL
);
ALTER TABLE imports
    -- The file is gone, or is about to be, so that the job cannot be tried again.
    ADD COLUMN upload_removed boolean NOT NULL DEFAULT false,
    -- What was rejected was kept for a while and is gone.
    ADD COLUMN rows_removed boolean NOT NULL DEFAULT false;
-- Changed by a single call, so that it is copied before what an import has changed.
ALTER TABLE lake_partitions ADD COLUMN urgent boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    op.execute(TABLES)
    enable_tenant_isolation("clean_ups")
