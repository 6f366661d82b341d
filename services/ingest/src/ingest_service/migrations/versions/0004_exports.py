"""Exports: what was asked for, by whom, and the file that came of it."""

from alembic import op
from service_runtime.migrations import enable_tenant_isolation

revision = "0004"
down_revision = "0003"

TABLE = """
CREATE TABLE exports (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    request jsonb NOT NULL,
    requested_by text NOT NULL,
    requested_role text NOT NULL,
    requested_kind text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Set before the file is put into the lake, so that none stays there whatever becomes of the job.
    expires_at timestamptz,
    -- Empty until the file is whole.
    sha256 text NOT NULL DEFAULT '',
    size bigint NOT NULL DEFAULT 0,
    -- Numbers of the accounts whose rows can be in the file.
    accounts integer[] NOT NULL DEFAULT '{}',
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, export_id)
);
CREATE INDEX exports_to_remove ON exports (tenant_id, expires_at) WHERE NOT removed;
"""


def upgrade() -> None:
    op.execute(TABLE)
    enable_tenant_isolation("exports")
