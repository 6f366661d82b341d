"""Kept RFM tables, what they say of a customer's moves, benefits by setting, and the jobs that rebuild."""

from alembic import op
from service_runtime.migrations import app_role, create_job_tables, enable_tenant_isolation

revision = "0001"
down_revision = None

TABLES = """
-- Versions of a tenant's RFM table in the order in which they were seen: the newest, and those not yet in the history.
CREATE TABLE rfm_tables (
    tenant_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    -- Of the purchases' files and of the rules.
    version text NOT NULL,
    seen_at timestamptz NOT NULL,
    -- The newest purchase and the next one to come, in UTC; NULL where there is none.
    newest timestamp,
    until timestamp,
    segments jsonb NOT NULL,
    -- All customers, as Parquet.
    content bytea NOT NULL,
    is_recorded boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, number)
);
-- Compressed already.
ALTER TABLE rfm_tables ALTER COLUMN content SET STORAGE EXTERNAL;
-- Each move of a customer into a segment, or out of all: then segmento and rfm are NULL.
CREATE TABLE rfm_moves (
    tenant_id uuid NOT NULL,
    id_cuenta text NOT NULL,
    -- Counts a customer's moves from 1.
    number integer NOT NULL,
    as_of date NOT NULL,
    segmento text,
    rfm text,
    PRIMARY KEY (tenant_id, id_cuenta, number)
);
CREATE TABLE rfm_benefits (
    tenant_id uuid NOT NULL,
    segmento text NOT NULL,
    beneficios text[] NOT NULL,
    PRIMARY KEY (tenant_id, segmento)
);
"""
# The worker's clock concerns every tenant. This tells ids and nothing else, to who calls it, inside the function alone.
LOOK_UP = """
CREATE POLICY ids ON rfm_tables FOR SELECT TO CURRENT_USER USING (current_user <> session_user);
CREATE FUNCTION tenants_with_rfm() RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $ids$ SELECT DISTINCT t.tenant_id FROM public.rfm_tables t ORDER BY 1 $ids$;
REVOKE ALL ON FUNCTION tenants_with_rfm() FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("rfm_tables", "rfm_moves", "rfm_benefits"):
        enable_tenant_isolation(table)
    op.execute(LOOK_UP)
    op.execute(f"GRANT EXECUTE ON FUNCTION tenants_with_rfm() TO {app_role()}")
    create_job_tables()
