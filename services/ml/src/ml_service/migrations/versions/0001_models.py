"""Versions of models, the bytes they are made of, and the jobs that train them."""

from alembic import op
from service_runtime.migrations import create_job_tables, enable_tenant_isolation

revision = "0001"
down_revision = None

BLOBS = """
CREATE TABLE model_blobs (
    tenant_id uuid NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes bytea NOT NULL,
    PRIMARY KEY (tenant_id, sha256)
)
"""
VERSIONS = """
CREATE TABLE model_versions (
    tenant_id uuid NOT NULL,
    model_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('forecast', 'clusters')),
    username text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    -- Of the ONNX graph and of the card's own bytes; both are checked before a model is loaded.
    sha256 text NOT NULL,
    card_sha256 text NOT NULL,
    -- The card again, to be searched.
    card jsonb NOT NULL,
    is_active boolean NOT NULL,
    trained_by text NOT NULL,
    trained_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, model_id),
    UNIQUE (tenant_id, kind, username, version),
    FOREIGN KEY (tenant_id, sha256) REFERENCES model_blobs,
    FOREIGN KEY (tenant_id, card_sha256) REFERENCES model_blobs (tenant_id, sha256)
)
"""
ONE_ACTIVE = "CREATE UNIQUE INDEX model_versions_active ON model_versions (tenant_id, kind, username) WHERE is_active"


def upgrade() -> None:
    for statement in (BLOBS, VERSIONS, ONE_ACTIVE):
        op.execute(statement)
    enable_tenant_isolation("model_blobs")
    enable_tenant_isolation("model_versions")
    create_job_tables()
