"""Schema changes by Alembic, run by the owner's role; helpers for what every service's tables need alike.

Alembic is imported where it is used: every process knows `run_migrations`, but only one that migrates pays for it.
"""

from typing import TYPE_CHECKING

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from service_runtime.config import RuntimeSettings
from service_runtime.database import engine_url

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Any number will do, as long as every release takes the same.
_LOCK_NUMBER = 4_715_020_011


def run_migrations(package: str, settings: RuntimeSettings) -> None:
    """Brings the database to the newest schema of `<package>.migrations`, as the owner's role."""
    from alembic import command
    from alembic.config import Config

    if not settings.migration_database_url or not settings.database_url:
        raise SystemExit("MIGRATION_DATABASE_URL and DATABASE_URL must be set to migrate.")
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["app_role"] = make_url(settings.database_url).username
    engine = create_engine(engine_url(settings.migration_database_url), poolclass=NullPool)
    with engine.begin() as connection:
        # Two that migrate at once wait for each other.
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def run_environment() -> None:
    """Runs the migrations on the connection of `run_migrations`; the whole of a service's migrations/env.py."""
    from alembic import context

    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=False)
    context.run_migrations()


def app_role() -> str:
    """Gives the quoted name of the role that the service works with; inside a migration."""
    from alembic import op

    config = op.get_context().config
    role = config.attributes["app_role"] if config is not None else ""
    return '"' + str(role).replace('"', '""') + '"'


def grant_to_app_role(table: str, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Lets the service's role work on a table, or use a sequence named in full (`SEQUENCE name`)."""
    from alembic import op

    op.execute(f"GRANT {rights} ON {table} TO {app_role()}")


def enable_tenant_isolation(table: str) -> None:
    """Shows of a table only the session's tenant's rows, to its owner too, and lets the service's role work on it."""
    from alembic import op

    own_rows = "tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant_isolation ON {table} USING ({own_rows}) WITH CHECK ({own_rows})")
    grant_to_app_role(table)


def create_idempotency_table() -> None:
    """Creates the table of calls that must not be done twice; once, in a migration of a service that takes keys."""
    from alembic import op

    op.execute(
        "CREATE TABLE idempotency_keys (tenant_id uuid NOT NULL, key text NOT NULL, fingerprint text NOT NULL, "
        "claim uuid NOT NULL, lease_until timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), "
        # What the call has made, written with it; NULL where nothing is made yet.
        "resource text, answered boolean NOT NULL DEFAULT false, answer bytea, status integer NOT NULL DEFAULT 200, "
        "headers jsonb NOT NULL DEFAULT '{}', PRIMARY KEY (tenant_id, key))"
    )
    op.execute("CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at)")
    enable_tenant_isolation("idempotency_keys")


def create_job_tables() -> None:
    """Creates the queue's tables and the table `jobs`; once, in a service's first migration that has jobs."""
    from service_runtime.jobs.tables import create_tables

    create_tables()


def let_ended_jobs_be_removed() -> None:
    """Lets the worker remove old jobs; once, in a migration behind the one that makes the jobs' tables."""
    from service_runtime.jobs.tables import let_ended_jobs_be_found

    let_ended_jobs_be_found()
