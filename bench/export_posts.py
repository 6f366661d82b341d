"""Measures an export of a million posts against a bare COPY of the same rows to a file, in one run.

By itself it starts PostgreSQL and a worker. The bare COPY is `COPY (SELECT …) TO STDOUT (FORMAT csv)` by the service's
own role, with the same columns, order and row-level security.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from import_posts import database, peak_of, postgres
from import_rows import ACCOUNTS, COPIED, write_files
from ingest_service.account_store import AccountStore
from ingest_service.config import Settings
from ingest_service.export_request import ExportRequest
from ingest_service.export_store import ExportStore
from ingest_service.exports import Exports
from ingest_service.new_id import new_id
from service_runtime.database import Database
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox, JobQueue, JobRecord
from service_runtime.lake import tenant_lake

PIECE = 1 << 20
BARE = (
    "COPY (SELECT accounts.username, kept.fecha_publicacion, contenido, likes, comentarios, compartidos, impresiones, "
    "alcance, guardados, reproducciones, tipo_contenido, hashtags, menciones, plataforma, idioma, id_externo "
    "FROM posts AS kept JOIN accounts USING (tenant_id, id_usuario) ORDER BY id_publicacion) "
    "TO STDOUT (FORMAT csv, HEADER)"
)


def fill(owner_url: str, tenant_id: str, file: Path) -> None:
    """Puts accounts and posts into the record as a superuser would."""
    with psycopg.connect(owner_url) as connection:
        for table in ("accounts", "posts"):
            connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        connection.execute(f"ALTER TABLE posts ALTER tenant_id SET DEFAULT '{tenant_id}'")
        for number in range(ACCOUNTS):
            connection.execute(
                "INSERT INTO accounts (tenant_id, account_id, id_usuario, platform, username, username_key) "
                "VALUES (%s, %s, %s, 'csv', %s, %s)",
                [tenant_id, uuid4(), number, f"banco{number}", f"banco{number}"],
            )
        options = "(FORMAT csv, FORCE_NOT_NULL (plataforma, idioma, hashtags))"
        with (
            file.open("rb") as source,
            connection.cursor().copy(f"COPY posts ({', '.join(COPIED)}) FROM STDIN {options}") as copy,
        ):
            while piece := source.read(PIECE):
                copy.write(piece)
        for table in ("accounts", "posts"):
            connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE posts")


def bare_copy(app_url: str, tenant_id: str, target: Path) -> float:
    """Copies the rows to a file; gives the seconds."""
    with psycopg.connect(app_url) as connection, target.open("wb") as file:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant_id])
        started = time.perf_counter()
        with connection.cursor().copy(BARE) as copy:
            for row in copy:
                file.write(row)
        return time.perf_counter() - started


async def export(settings: Settings, tenant_id: str, formats: list[str]) -> None:
    """Exports by the service's own rules and a worker process, each format once."""
    connected = Database(settings.database_url)
    outbox = AuditOutbox("ingest")
    queue = JobQueue(connected, "ingest", outbox)
    exports = Exports(
        connected,
        ExportStore(),
        AccountStore(),
        queue,
        outbox,
        lambda tenant: tenant_lake(settings, tenant),
        new_id,
    )
    someone = Identity("bench", UUID(tenant_id), "admin", "bench", "UTC", "bench", "")
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
    }
    for name in formats:
        worker = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop
            [sys.executable, "-m", "ingest_service", "work"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            # A first small export: what is measured is exporting, not starting.
            await _one(exports, queue, someone, ExportRequest("metrics", name))
            idle = peak_of(worker.pid)
            started = time.perf_counter()
            job = await _one(exports, queue, someone, ExportRequest("posts", name))
            seconds = time.perf_counter() - started
            peak = peak_of(worker.pid)
            print(
                f"{name:8} {seconds:7.1f} s  {job.rows_written / seconds:9.0f} rows/s  {job.status} {job.error}"
                f"  {int(job.details.get('bytes', 0)) / 1e6:.0f} MB, worker {idle / 1024:.0f} MB before, "
                f"peak {peak / 1024:.0f} MB (goal: under 300)"
            )
        finally:
            worker.terminate()
            worker.wait(20)
    await connected.close()


async def _one(exports: Exports, queue: JobQueue, someone: Identity, request: ExportRequest) -> JobRecord:
    job = await exports.create(someone, request)
    return await queue.wait(someone.tenant_id, job.id, 1800)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", default="csv,parquet,jsonl")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="atl-bench-"))
    folder.chmod(0o755)
    tenant_id = str(uuid4())
    try:
        files = write_files(folder, options.rows)
        print(f"{options.rows} posts, load {os.getloadavg()[0]:.1f}")
        with postgres(folder) as server:
            app_url, owner_url = database(server)
            fill(owner_url, tenant_id, files.bare)
            settings = Settings(
                database_url=app_url,
                atalaya_lake=f"file://{folder / 'lake'}",
                ingest_spool_folder=folder / "spool",
            )
            for moment in ("first", "last"):
                seconds = bare_copy(app_url, tenant_id, folder / "bare-out.csv")
                print(f"bare COPY {seconds:5.1f} s  {options.rows / seconds:9.0f} rows/s ({moment})")
                if moment == "first":
                    asyncio.run(export(settings, tenant_id, options.formats.split(",")))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
