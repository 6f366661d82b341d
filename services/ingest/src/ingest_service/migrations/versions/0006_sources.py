"""Databases that feed the lake."""

from alembic import op
from service_runtime.migrations import app_role, enable_tenant_isolation

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE sources (
    tenant_id uuid NOT NULL,
    source_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    database_name text NOT NULL,
    tls text NOT NULL,
    -- User and password under a data key of the source's own, and that key under one of the operator's.
    key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    credentials bytea NOT NULL,
    tables jsonb NOT NULL,
    format text NOT NULL,
    schedule text NOT NULL,
    timezone text NOT NULL,
    -- When it is to run by itself; NULL where it never does.
    next_run_at timestamptz,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_job_id uuid,
    last_run_at timestamptz,
    PRIMARY KEY (tenant_id, source_id),
    CONSTRAINT sources_name UNIQUE (tenant_id, name)
);
CREATE TABLE source_tables (
    tenant_id uuid NOT NULL,
    source_id uuid NOT NULL,
    name text NOT NULL,
    dataset text NOT NULL,
    columns jsonb NOT NULL,
    cursor_column text NOT NULL,
    cursor_value text NOT NULL,
    rows bigint NOT NULL,
    deleted_rows bigint NOT NULL,
    drift text NOT NULL,
    path text NOT NULL,
    etag text NOT NULL,
    PRIMARY KEY (tenant_id, source_id, name),
    FOREIGN KEY (tenant_id, source_id) REFERENCES sources ON DELETE CASCADE
);
-- Rows and values that a table's contract left out of a run.
CREATE TABLE source_rejections (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    number integer NOT NULL,
    table_name text NOT NULL,
    line bigint NOT NULL,
    column_name text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (tenant_id, job_id, number)
);
CREATE INDEX sources_due ON sources (next_run_at) WHERE next_run_at IS NOT NULL;
"""
# The worker's clock and the change of keys concern every tenant. These tell them ids and nothing else, to who calls
# them, inside the functions alone.
LOOK_UPS = """
CREATE POLICY ids ON sources FOR SELECT TO CURRENT_USER USING (current_user <> session_user);
CREATE FUNCTION due_sources(moment timestamptz) RETURNS TABLE (tenant_id uuid, source_id uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $ids$ SELECT s.tenant_id, s.source_id FROM public.sources s
             WHERE s.next_run_at <= moment AND s.is_active ORDER BY s.next_run_at LIMIT 100 $ids$;
CREATE FUNCTION sources_under_other_keys(first_key text) RETURNS TABLE (tenant_id uuid, source_id uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $ids$ SELECT s.tenant_id, s.source_id FROM public.sources s
             WHERE s.key_id <> first_key ORDER BY 1, 2 $ids$;
REVOKE ALL ON FUNCTION due_sources(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION sources_under_other_keys(text) FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("sources", "source_tables", "source_rejections"):
        enable_tenant_isolation(table)
    op.execute(LOOK_UPS)
    op.execute(f"GRANT EXECUTE ON FUNCTION due_sources(timestamptz) TO {app_role()}")
    op.execute(f"GRANT EXECUTE ON FUNCTION sources_under_other_keys(text) TO {app_role()}")
