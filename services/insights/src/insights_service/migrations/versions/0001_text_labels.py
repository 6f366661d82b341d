"""The labels of texts, by engine."""

from alembic import op
from service_runtime.migrations import enable_tenant_isolation

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE text_labels (
    tenant_id uuid NOT NULL,
    engine text NOT NULL,
    text_hash bytea NOT NULL,
    label text NOT NULL CHECK (label IN ('positive', 'neutral', 'negative')),
    positive double precision NOT NULL,
    negative double precision NOT NULL,
    PRIMARY KEY (tenant_id, engine, text_hash)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
    enable_tenant_isolation("text_labels")
