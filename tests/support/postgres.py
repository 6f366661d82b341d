"""One embedded PostgreSQL for the whole run, and fresh databases on it."""

import atexit
import itertools
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
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
    postgres, home = _started(fsync=False)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(postgres.stop)
    return postgres


@contextmanager
def own_server() -> Iterator[EmbeddedPostgres]:
    """Starts a server for one test alone, which may kill it: what was committed is on disk."""
    postgres, home = _started(fsync=True)
    try:
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def kill(postgres: EmbeddedPostgres) -> None:
    """Kills a server as a crash would; `start` brings it back."""
    process = psutil.Process(int((postgres.data / "postmaster.pid").read_text().partition("\n")[0]))
    process.kill()
    process.wait(10)


def _started(*, fsync: bool) -> tuple[EmbeddedPostgres, Path]:
    home = Path(tempfile.mkdtemp(prefix="atalaya-pg-"))
    # The server runs as another user where tests run as root, and that user must get to its folders.
    home.chmod(0o755)
    postgres = EmbeddedPostgres(home / "data", home / "socket", fsync=fsync)
    postgres.start()
    with postgres.connect() as connection:
        # A test that asks in the thread of a service whose transaction it waits for would wait for ever.
        connection.execute("ALTER ROLE CURRENT_USER SET lock_timeout = '60s'")
    return postgres, home


def database_for(service: str, *, package: str = "") -> ServiceDatabase:
    """Creates a database with the service's roles and schema; the migrations run once, then copies are made."""
    template = _template(service, package or f"{service}_service")
    return _create(server(), service, f"test_{service}_{next(_numbers)}", template)


def empty_database(service: str) -> ServiceDatabase:
    """Creates a database with the service's roles and nothing in it."""
    return _create(server(), service, f"test_{service}_{next(_numbers)}", "")


def migrated(postgres: EmbeddedPostgres, service: str, *, package: str = "") -> ServiceDatabase:
    """Creates and migrates a database on a server of one's own."""
    database = _create(postgres, service, f"test_{service}", "")
    _migrate(package or f"{service}_service", database)
    return database


@cache
def _template(service: str, package: str) -> str:
    database = _create(server(), service, f"template_{service}", "")
    _migrate(package, database)
    return database.name


def _migrate(package: str, database: ServiceDatabase) -> None:
    run_migrations(package, RuntimeSettings(database_url=database.url, migration_database_url=database.migration_url))


def _create(postgres: EmbeddedPostgres, service: str, name: str, template: str) -> ServiceDatabase:
    passwords = _passwords(service)
    if template:
        with postgres.connect() as connection:
            connection.execute(
                sql.SQL("create database {} template {} owner {}").format(
                    *(sql.Identifier(word) for word in (name, template, f"{service}_owner"))
                )
            )
    postgres.create_service(service, passwords, database=name)
    owner, app = passwords
    return ServiceDatabase(
        name=name,
        url=postgres.dsn(name, f"{service}_app", app),
        migration_url=postgres.dsn(name, f"{service}_owner", owner),
    )


@cache
def _passwords(_service: str) -> tuple[str, str]:
    return secrets.token_urlsafe(12), secrets.token_urlsafe(12)
