"""Brings a service's database to the state that its code expects, and skips at once where it is there already."""

import asyncio
import hashlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

from psycopg import sql

from local_suite.credentials import password
from local_suite.environment import marked, service_environment
from local_suite.errors import SuiteError
from local_suite.home import Home
from local_suite.logs import rotate
from local_suite.postgres import EmbeddedPostgres
from local_suite.process import spawn
from local_suite.waiting import until

SECONDS = 120.0


async def migrate(home: Home, server: EmbeddedPostgres, service: str) -> None:
    """Makes a service's roles and database and runs its migrations; one without migrations keeps no records."""
    if not (_package(f"{service}_service") / "migrations").is_dir():
        return
    wanted = await asyncio.to_thread(stamp, service)
    if await asyncio.to_thread(_stamp_in, server, service) == wanted:
        return
    passwords = (password(home, f"{service}_owner"), password(home, f"{service}_app"))
    await asyncio.to_thread(server.create_service, service, passwords)
    await _run(home, service)
    await asyncio.to_thread(_leave_stamp, server, service, wanted)


async def _run(home: Home, service: str) -> None:
    log = home.log(f"{service}-migrate")
    rotate(log)
    environment = marked(home, service_environment(home, service))
    command = [sys.executable, "-m", f"{service}_service", "migrate"]
    process = spawn(command, log=log, environment=environment, directory=home.path)
    try:
        if not await until(lambda: process.poll() is not None, SECONDS):
            raise SuiteError(f"The database of {service} was not ready after {SECONDS:.0f} s; {log} says more.")
    finally:
        _end(process)
    if process.returncode:
        raise SuiteError(f"The database of {service} cannot be brought up to date; {log} says why.")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def _stamp_in(server: EmbeddedPostgres, service: str) -> str:
    """The stamp that the last finished migration left, as the database's comment, which no copy of it can lose."""
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with server.connect() as connection:
        row = connection.execute(query, [f"atalaya_{service}"]).fetchone()
    return str(row[0]) if row and row[0] else ""


def _leave_stamp(server: EmbeddedPostgres, service: str, text: str) -> None:
    statement = sql.SQL("comment on database {} is {}")
    with server.connect() as connection:
        connection.execute(statement.format(sql.Identifier(f"atalaya_{service}"), sql.Literal(text)))


def stamp(service: str) -> str:
    """A digest of all that a service's migrations are made of."""
    digest = hashlib.sha256(importlib.metadata.version("procrastinate").encode())
    for folder in (_package(f"{service}_service") / "migrations", _package("service_runtime")):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
        for file in sorted(folder.rglob("*.sql")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SuiteError(f"The package {name} is not installed; run make setup.")
    return Path(found.origin).parent
