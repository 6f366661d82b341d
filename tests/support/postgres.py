"""One embedded PostgreSQL for the whole run, and fresh databases on it."""

import atexit
import itertools
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from local_suite.postgres import EmbeddedPostgres
from psycopg import sql
from service_runtime.config import RuntimeSettings
from service_runtime.migrations import run_migrations

_numbers = itertools.count(1)


@dataclass(frozen=True)
class ServiceDatabase:
    """A fresh, migrated database: `url` for the service's role, `migration_url` for its owner's."""

    name: str
    url: str
    migration_url: str


@cache
def server() -> EmbeddedPostgres:
    """Starts PostgreSQL at the first call; it ends with the run."""
    home = Path(tempfile.mkdtemp(prefix="atalaya-pg-"))
    # The server runs as another user where tests run as root, and that user must get to its folders.
    home.chmod(0o755)
    postgres = EmbeddedPostgres(home / "data", home / "socket", fsync=False)
    postgres.start()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(postgres.stop)
    return postgres


def database_for(service: str, *, package: str = "") -> ServiceDatabase:
    """Creates a database with the service's roles and schema; the migrations run once, then copies are made."""
    template = _template(service, package or f"{service}_service")
    return _create(service, f"test_{service}_{next(_numbers)}", template)


@cache
def _template(service: str, package: str) -> str:
    database = _create(service, f"template_{service}", "")
    run_migrations(package, RuntimeSettings(database_url=database.url, migration_database_url=database.migration_url))
    return database.name


def _create(service: str, name: str, template: str) -> ServiceDatabase:
    passwords = _passwords(service)
    if template:
        with server().connect() as connection:
            connection.execute(
                sql.SQL("create database {} template {} owner {}").format(
                    *(sql.Identifier(word) for word in (name, template, f"{service}_owner"))
                )
            )
    server().create_service(service, passwords, database=name)
    owner, app = passwords
    return ServiceDatabase(
        name=name,
        url=server().dsn(name, f"{service}_app", app),
        migration_url=server().dsn(name, f"{service}_owner", owner),
    )


@cache
def _passwords(_service: str) -> tuple[str, str]:
    return secrets.token_urlsafe(12), secrets.token_urlsafe(12)
