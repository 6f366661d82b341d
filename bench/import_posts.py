"""Measures an import of a million posts against a bare COPY of the same rows into a table of the same form.

By itself it starts PostgreSQL, the service and a worker; with --url and --token it imports through a running gateway,
and then the bare COPY still runs on a PostgreSQL of its own.
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from ingest_service.__main__ import new_id
from ingest_service.account_store import AccountStore
from ingest_service.config import Settings
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore
from ingest_service.imports import Imports
from ingest_service.spool import Spool
from local_suite.postgres import EmbeddedPostgres
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
    """Imports through a gateway."""
    query = "kind=posts&account_column=cuenta&create_accounts=true&timezone=UTC"
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "text/csv",
        "content-length": str(file.stat().st_size),
    }
    started = time.perf_counter()
    with file.open("rb") as body:
        job = _json(urllib.request.Request(f"{url}/api/v1/data/import?{query}", body, headers))
    while job["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.1)
        job = _json(
            urllib.request.Request(f"{url}/api/v1/jobs/{job['job_id']}", headers={"authorization": f"Bearer {token}"})
        )
    return time.perf_counter() - started, job


def _json(request: urllib.request.Request) -> dict[str, object]:
    with urllib.request.urlopen(request, timeout=600) as reply:
        found: dict[str, object] = json.load(reply)
        return found


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="gateway, as in http://localhost:8000")
    parser.add_argument("--token", default="", help="access token of a user")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="atl-bench-"))
    folder.chmod(0o755)
    try:
        files = write_files(folder, options.rows)
        print(f"{options.rows} posts, {files.upload.stat().st_size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
        with postgres(folder) as server:
            app_url, owner_url = database(server)
            if options.url:
                ours, job = import_through(options.url, options.token, files.upload)
                peak = 0
            else:
                settings = Settings(
                    database_url=app_url,
                    atalaya_lake=f"file://{folder / 'lake'}",
                    ingest_spool_folder=folder / "spool",
                )
                ours, peak, job = asyncio.run(import_here(settings, files.upload))
            bare = bare_copy(owner_url, files.bare)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"job {job}")
    print(f"import     {ours:7.1f} s  {options.rows / ours:9.0f} rows/s")
    print(f"bare COPY  {bare:7.1f} s  {options.rows / bare:9.0f} rows/s")
    print(f"the import has {bare / ours:.2f} of the bare COPY's speed (goal: over 0.25)")
    if peak:
        print(f"worker's peak {peak / 1024:.0f} MB (goal: under 300)")


if __name__ == "__main__":
    main()
