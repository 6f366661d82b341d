"""Accounts, posts, metrics, imports with their rejected rows, and what the lake's copy still lacks."""

from alembic import op
from service_runtime.migrations import create_job_tables, enable_tenant_isolation

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE accounts (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- The account's number in its tenant, which posts and metrics carry.
    id_usuario integer NOT NULL,
    platform text NOT NULL,
    username text NOT NULL,
    -- The name without case, by which accounts are found.
    username_key text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    last_sync_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id_usuario),
    CONSTRAINT accounts_id UNIQUE (tenant_id, account_id),
    CONSTRAINT accounts_username_key UNIQUE (tenant_id, username_key)
);
CREATE TABLE posts (
    tenant_id uuid NOT NULL,
    id_publicacion integer NOT NULL,
    id_usuario integer NOT NULL,
    -- The same key is the same post: the source's id, or a hash of time and text.
    clave text NOT NULL,
    id_externo text NOT NULL,
    contenido text NOT NULL,
    fecha_publicacion timestamptz NOT NULL,
    likes integer NOT NULL,
    comentarios integer NOT NULL,
    compartidos integer NOT NULL,
    impresiones integer,
    alcance integer,
    guardados integer,
    reproducciones integer,
    tipo_contenido text NOT NULL,
    hashtags text NOT NULL,
    menciones integer NOT NULL,
    plataforma text NOT NULL,
    idioma text NOT NULL,
    PRIMARY KEY (tenant_id, id_publicacion),
    CONSTRAINT posts_key UNIQUE (tenant_id, id_usuario, clave)
);
CREATE INDEX posts_by_time ON posts (tenant_id, id_usuario, fecha_publicacion, id_publicacion);
CREATE TABLE metrics (
    tenant_id uuid NOT NULL,
    id_metrica integer NOT NULL,
    id_usuario integer NOT NULL,
    hora timestamptz NOT NULL,
    seguidores integer NOT NULL,
    siguiendo integer,
    publicaciones_totales integer,
    alcance_promedio integer,
    impresiones integer,
    engagement_rate double precision,
    PRIMARY KEY (tenant_id, id_metrica),
    CONSTRAINT metrics_key UNIQUE (tenant_id, id_usuario, hora)
);
-- The highest number given so far; its row is locked by whoever writes records of that kind.
CREATE TABLE counters (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    value integer NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
-- Partitions of the lake's tables that were changed here. `changed` grows with each change, `copied` follows.
CREATE TABLE lake_partitions (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    id_usuario integer NOT NULL,
    -- YYYY-MM; empty where the table is not partitioned by month.
    mes text NOT NULL,
    changed bigint NOT NULL DEFAULT 1,
    copied bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, kind, id_usuario, mes)
);
CREATE TABLE imports (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    request jsonb NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    requested_by text NOT NULL,
    -- Counts, once the rows are in the record and only the lake's copy is to be done.
    recorded jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, import_id)
);
CREATE TABLE rejected_rows (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line integer NOT NULL,
    column_name text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (tenant_id, import_id, line),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports ON DELETE CASCADE
);
CREATE TABLE datasets (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    rows integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
"""
ISOLATED = ("accounts", "posts", "metrics", "counters", "lake_partitions", "imports", "rejected_rows", "datasets")


def upgrade() -> None:
    op.execute(TABLES)
    for table in ISOLATED:
        enable_tenant_isolation(table)
    create_job_tables()
