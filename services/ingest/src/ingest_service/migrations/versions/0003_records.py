"""Records that callers change one by one, comments, and copies of the lake that are asked for."""

from alembic import op
from service_runtime.migrations import app_role, enable_tenant_isolation

revision = "0003"
down_revision = "0002"

RECORDS = """
ALTER TABLE accounts ADD COLUMN sync_interval_minutes integer NOT NULL DEFAULT 30
    CHECK (sync_interval_minutes BETWEEN 15 AND 1440);
CREATE TABLE comments (
    tenant_id uuid NOT NULL,
    id_comentario integer NOT NULL,
    id_usuario integer NOT NULL,
    -- The same key is the same comment: the source's id, or a hash of post, author, time and text.
    clave text NOT NULL,
    id_externo text NOT NULL,
    -- The post's id at its source, which is the key of the post where the tenant has it.
    post text NOT NULL,
    autor text NOT NULL,
    texto text NOT NULL,
    fecha timestamptz NOT NULL,
    likes integer NOT NULL,
    responde_a text NOT NULL,
    PRIMARY KEY (tenant_id, id_comentario),
    CONSTRAINT comments_key UNIQUE (tenant_id, id_usuario, clave)
);
CREATE INDEX comments_by_time ON comments (tenant_id, id_usuario, fecha DESC, id_comentario DESC);
-- By hash, since ids of posts may be longer than what a tree takes.
CREATE INDEX comments_by_post ON comments USING hash (post);
-- The name under which the lake has the partition of an account that is gone; empty while the account is there.
ALTER TABLE lake_partitions ADD COLUMN cuenta text NOT NULL DEFAULT '';
-- Whether a copy to the lake is queued for the tenant. Who notes a change holds the row until its end, so that the copy
-- begins with all that was noted.
CREATE TABLE lake_copies (
    tenant_id uuid PRIMARY KEY,
    queued boolean NOT NULL
);
"""
# Row-level security binds the owner too, and here it must see every tenant that has something in the lake.
COPIED_BEFORE = """
ALTER TABLE lake_partitions NO FORCE ROW LEVEL SECURITY;
INSERT INTO lake_copies SELECT DISTINCT tenant_id, false FROM lake_partitions;
ALTER TABLE lake_partitions FORCE ROW LEVEL SECURITY;
"""
# For the operator's check of every tenant: it tells ids and nothing else, to who calls it, inside the function alone.
TENANTS = """
CREATE POLICY names ON lake_copies FOR SELECT TO CURRENT_USER USING (current_user <> session_user);
CREATE FUNCTION tenants_in_the_lake() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $names$ SELECT tenant_id FROM public.lake_copies ORDER BY tenant_id $names$;
REVOKE ALL ON FUNCTION tenants_in_the_lake() FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(RECORDS)
    op.execute(COPIED_BEFORE)
    for table in ("comments", "lake_copies"):
        enable_tenant_isolation(table)
    op.execute(TENANTS)
    op.execute(f"GRANT EXECUTE ON FUNCTION tenants_in_the_lake() TO {app_role()}")
