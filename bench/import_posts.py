"""Measures an import of a million posts against a bare COPY of the same rows into a table of the same form.

By itself it starts PostgreSQL, the service and a worker. With --url and --token it imports through a running gateway;
where ATALAYA_HOME names that suite's home, the bare COPY runs in a database of its own on the suite's PostgreSQL.
"""

import argparse
import asyncio
import csv
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from ingest_service.account_store import AccountStore
from ingest_service.config import Settings
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore
from ingest_service.imports import Imports
from ingest_service.new_id import new_id
from ingest_service.spool import Spool
from local_suite.home import Home
from local_suite.postgres import EmbeddedPostgres
from local_suite.programs import postgres_server
from service_runtime.database import Database
from service_runtime.identity import Identity
from service_runtime.jobs import JobQueue
from service_runtime.lake import tenant_lake
from service_runtime.migrations import run_migrations

ACCOUNTS, DAYS = 50, 365
WORDS = (
    *("el", "banco", "abre", "hoy", "su", "nueva", "agencia", "en", "Lima", "con", "#ahorro", "y", "promociones"),
    *("para", "@clientes", "de", "todo", "el", "país"),
)
PIECE = 1 << 20
# The table's columns that the file has, in the file's order.
COPIED = ("id_publicacion", "id_usuario", "clave", "id_externo", "contenido", "fecha_publicacion", "likes",
          "comentarios", "compartidos", "tipo_contenido", "hashtags", "menciones", "plataforma", "idioma")  # fmt: skip


@dataclass
class Files:
    """The same rows twice: as a customer's file, and as the table takes them."""

    upload: Path
    bare: Path


def write_files(folder: Path, rows: int) -> Files:
    """Makes the rows, always the same."""
    chance = random.Random(4715)
    files = Files(folder / "posts.csv", folder / "bare.csv")
    with files.upload.open("w", newline="") as upload, files.bare.open("w", newline="") as bare:
        posts, table = csv.writer(upload), csv.writer(bare)
        posts.writerow(["cuenta", "id", "fecha", "texto", "likes", "comments", "shares", "type"])
        for number in range(1, rows + 1):
            account = chance.randrange(ACCOUNTS)
            text = " ".join(chance.choices(WORDS, k=chance.randrange(8, 30)))
            day = 1 + number * DAYS // (rows + 1)
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1704067200 + day * 86400 + number % 86400))
            counts = [chance.randrange(5000), chance.randrange(300), chance.randrange(200)]
            posts.writerow([f"banco{account}", f"p{number}", moment, text, *counts, "photo"])
            found = " ".join(re.findall(r"#\w+", text)), text.count("@")
            key = f"p{number}"
            table.writerow([number, account, key, key, text, f"{moment}Z", *counts, "photo", *found, "", ""])
    return files


def as_json_lines(file: Path) -> Path:
    """Writes the rows of the customer's file as JSON Lines."""
    target = file.with_suffix(".jsonl")
    with file.open(newline="") as source, target.open("w") as lines:
        for row in csv.DictReader(source):
            counts = {name: int(row[name]) for name in ("likes", "comments", "shares")}
            lines.write(json.dumps({**row, **counts}, ensure_ascii=False) + "\n")
    return target


@contextmanager
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Runs PostgreSQL as `make up` does, with every commit on the disk."""
    server = EmbeddedPostgres(folder / "postgres", folder / "socket")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def database(server: EmbeddedPostgres) -> tuple[str, str]:
    """Makes ingest's database; gives the URLs of the service's role and of the owner."""
    owner, app = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    server.create_service("ingest", (owner, app), database="bench")
    urls = server.dsn("bench", "ingest_app", app), server.dsn("bench", "ingest_owner", owner)
    run_migrations("ingest_service", Settings(database_url=urls[0], migration_database_url=urls[1]))
    return urls


@contextmanager
def scratch_database(server: EmbeddedPostgres) -> Iterator[str]:
    """Makes a database with ingest's tables beside the running suite's, and drops it in the end; gives its URL."""
    name = f"bench_{secrets.token_hex(4)}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = server.dsn(name)
    try:
        # The superuser takes both roles: the suite's own have passwords that are not to be changed.
        run_migrations("ingest_service", Settings(database_url=url, migration_database_url=url))
        yield url
    finally:
        server.drop_database(name)


def bare_copy(owner_url: str, file: Path) -> float:
    """Copies the file into a table with the same columns and indexes; gives the seconds."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("CREATE TABLE bare (LIKE posts INCLUDING ALL)")
        connection.execute(f"ALTER TABLE bare ALTER tenant_id SET DEFAULT '{uuid4()}'")
        connection.commit()
        started = time.perf_counter()
        with (
            file.open("rb") as source,
            connection.cursor().copy(
                f"COPY bare ({', '.join(COPIED)}) FROM STDIN "
                "(FORMAT csv, FORCE_NOT_NULL (plataforma, idioma, hashtags))"
            ) as copy,
        ):
            while piece := source.read(PIECE):
                copy.write(piece)
        connection.commit()
        return time.perf_counter() - started


async def import_here(settings: Settings, file: Path) -> tuple[float, int, dict[str, object]]:
    """Imports by the service's own rules and a worker process; gives seconds, the worker's peak in kB, the job."""
    connected = Database(settings.database_url)
    queue = JobQueue(connected, "ingest")
    imports = Imports(
        connected,
        ImportStore(connected),
        AccountStore(),
        queue,
        Spool(settings.ingest_spool_folder),
        lambda tenant: tenant_lake(settings, tenant),
        new_id,
        settings.ingest_largest_file,
    )
    someone = Identity("bench", uuid4(), "user", "bench", "UTC", "bench", "")
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
    }
    worker = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop
        [sys.executable, "-m", "ingest_service", "work"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        # A first small import: what is measured is importing, not starting.
        await _one(imports, queue, someone, b"cuenta,fecha,texto\nx,2024-01-01,a\n")
        idle = _peak(worker.pid)
        started = time.perf_counter()
        job = await _one(imports, queue, someone, file)
        seconds = time.perf_counter() - started
        print(f"worker before the import {idle / 1024:.0f} MB")
        return seconds, _peak(worker.pid), job
    finally:
        worker.terminate()
        worker.wait(20)
        await connected.close()


async def _one(imports: Imports, queue: JobQueue, someone: Identity, content: bytes | Path) -> dict[str, object]:
    async def pieces() -> AsyncIterator[bytes]:
        if isinstance(content, bytes):
            yield content
            return
        with content.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    request = ImportRequest("posts", account_column="cuenta", create_accounts=True)
    job, _ = await imports.accept(someone, request, "text/csv", pieces())
    ended = await queue.wait(someone.tenant_id, job.id, 1800)
    return {name: getattr(ended, name) for name in ("status", "rows_read", "rows_written", "rows_rejected", "error")}


def import_through(url: str, token: str, file: Path) -> tuple[float, dict[str, object]]:
    """Imports through a gateway; gives the seconds from the upload's first byte to the job's end, and the job."""
    # A first small import: what is measured is importing, not starting.
    warm = file.with_name("first.csv")
    warm.write_text("cuenta,fecha,texto\nx,2024-01-01,a\n")
    _followed(url, token, warm)
    started = time.perf_counter()
    job = _followed(url, token, file)
    return time.perf_counter() - started, job


def _followed(url: str, token: str, file: Path) -> dict[str, object]:
    query = "kind=posts&account_column=cuenta&create_accounts=true&timezone=UTC"
    bearer = {"authorization": f"Bearer {token}"}
    headers = {**bearer, "content-type": "text/csv", "content-length": str(file.stat().st_size)}
    with file.open("rb") as body:
        job = _json(urllib.request.Request(f"{url}/api/v1/data/import?{query}", body, headers))
    while job["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.1)
        job = _json(urllib.request.Request(f"{url}/api/v1/jobs/{job['job_id']}", headers=bearer))
    return {name: job.get(name) for name in ("status", "rows_read", "rows_written", "rows_rejected", "error")}


def _json(request: urllib.request.Request) -> dict[str, object]:
    with urllib.request.urlopen(request, timeout=600) as reply:
        found: dict[str, object] = json.load(reply)
        return found


def suite_peaks(home: Path) -> dict[str, int]:
    """The highest resident memory so far, in kB, of the suite's two ingest processes."""
    peaks: dict[str, int] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = process.cmdline()
            if command[1:3] == ["-m", "ingest_service"] and process.environ().get("ATALAYA_HOME") == str(home):
                peaks[command[3]] = _peak(process.pid)
    return peaks


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def measured_here(folder: Path, files: Files) -> tuple[float, float, dict[str, int], dict[str, object]]:
    """Import and bare COPY on a PostgreSQL of our own."""
    with postgres(folder) as server:
        app_url, owner_url = database(server)
        settings = Settings(
            database_url=app_url,
            atalaya_lake=f"file://{folder / 'lake'}",
            ingest_spool_folder=folder / "spool",
        )
        ours, peak, job = asyncio.run(import_here(settings, files.upload))
        return ours, bare_copy(owner_url, files.bare), {"work": peak}, job


def measured_through(
    url: str, token: str, folder: Path, files: Files
) -> tuple[float, float, dict[str, int], dict[str, object]]:
    """Import through a gateway, and the bare COPY on its suite's PostgreSQL, or on one of our own."""
    ours, job = import_through(url, token, files.upload)
    if "ATALAYA_HOME" not in os.environ:
        with postgres(folder) as server:
            return ours, bare_copy(database(server)[1], files.bare), {}, job
    home = Home.from_environment(os.environ)
    peaks = suite_peaks(home.path)
    with scratch_database(postgres_server(home)) as scratch:
        return ours, bare_copy(scratch, files.bare), peaks, job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="of the customer's file")
    parser.add_argument("--url", default="", help="gateway, as in http://localhost:8000")
    parser.add_argument("--token", default="", help="access token of a user")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="atl-bench-"))
    folder.chmod(0o755)
    try:
        files = write_files(folder, options.rows)
        if options.format == "jsonl":
            files.upload = as_json_lines(files.upload)
        print(f"{options.rows} posts, {files.upload.stat().st_size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
        if options.url:
            ours, bare, peaks, job = measured_through(options.url, options.token, folder, files)
        else:
            ours, bare, peaks, job = measured_here(folder, files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"job {job}")
    print(f"import     {ours:7.1f} s  {options.rows / ours:9.0f} rows/s")
    print(f"bare COPY  {bare:7.1f} s  {options.rows / bare:9.0f} rows/s")
    print(f"the import has {bare / ours:.2f} of the bare COPY's speed (goal: over 0.25)")
    for command, peak in peaks.items():
        print(
            f"peak of ingest_service {command} {peak / 1024:.0f} MB{' (goal: under 300)' if command == 'work' else ''}"
        )


if __name__ == "__main__":
    main()
