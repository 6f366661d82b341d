"""Measures an import of a million posts, into the record and the lake, against what it cannot do without, and a peer.

In each round, one after the other: the import; a bare COPY of the same rows into a table of the same form (with forced
row-level security) and a bare Delta write of them; with --peers the peer `ingest`, endpoint core, of that folder.

By itself it starts PostgreSQL, the service's rules and a worker. With --url it imports through a running gateway, as
somebody new each time; where ATALAYA_HOME names that suite's home, the bare COPY runs in a database of its own on the
suite's PostgreSQL.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import people
import psutil
from http_calls import Server
from import_bare import PIECE, bare_copy, bare_delta, lake_rows
from import_peer import Peer, import_by, running_peer
from import_rows import Files, as_json_lines, write_files
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

FIRST = b"cuenta,fecha,texto\nx,2024-01-01,a\n"


@dataclass
class Round:
    """Seconds of each in one round."""

    ours: float
    copy: float
    delta: float
    peer: float | None = None


@dataclass
class Ours:
    """The import under test: does one and gives its seconds; peaks of its processes so far in kB; where the bare COPY
    goes, as a superuser."""

    once: Callable[[Path], float]
    peaks: Callable[[], dict[str, int]]
    superuser_url: str


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


@contextmanager
def ours_here(folder: Path) -> Iterator[Ours]:
    """The service's own rules in this process, and a worker, on a PostgreSQL of our own."""
    with postgres(folder) as server:
        app_url, _ = database(server)
        settings = Settings(
            database_url=app_url, atalaya_lake=f"file://{folder / 'lake'}", ingest_spool_folder=folder / "spool"
        )
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url,
            "ATALAYA_LAKE": settings.atalaya_lake,
            "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "ingest_service", "work"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            once = partial(_import_here, settings)
            yield Ours(once, lambda: {"work": peak_of(worker.pid)}, server.dsn("bench"))
        finally:
            worker.terminate()
            worker.wait(20)


def _import_here(settings: Settings, file: Path) -> float:
    return asyncio.run(_imported(settings, file))


async def _imported(settings: Settings, file: Path) -> float:
    """Imports for a company of its own; gives the seconds from the first byte to the job's end."""
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
    try:
        # A first small import: what is measured is importing, not starting.
        await _one(imports, queue, someone, FIRST)
        started = time.perf_counter()
        await _one(imports, queue, someone, file)
        return time.perf_counter() - started
    finally:
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
    return _checked(
        {name: getattr(ended, name) for name in ("status", "rows_read", "rows_written", "rows_rejected", "error")}
    )


@contextmanager
def ours_through(url: str) -> Iterator[Ours]:
    """A running suite behind its gateway."""
    home = Home.from_environment(os.environ) if "ATALAYA_HOME" in os.environ else None
    once = partial(_import_through, url)
    if home is None:
        folder = Path(tempfile.mkdtemp(prefix="atl-bench-pg-"))
        folder.chmod(0o755)
        with postgres(folder) as server:
            database(server)
            yield Ours(once, dict, server.dsn("bench"))
        shutil.rmtree(folder, ignore_errors=True)
        return
    with scratch_database(postgres_server(home)) as scratch:
        yield Ours(once, lambda: suite_peaks(home.path), scratch)


def _import_through(url: str, file: Path) -> float:
    """Imports as somebody new; gives the seconds from the upload's first byte to the job's end."""
    token = asyncio.run(people.register(Server.of(url))).access_token
    first = file.with_name("first.csv")
    first.write_bytes(FIRST)
    _followed(url, token, first)
    started = time.perf_counter()
    _followed(url, token, file)
    return time.perf_counter() - started


def _followed(url: str, token: str, file: Path) -> None:
    query = "kind=posts&account_column=cuenta&create_accounts=true&timezone=UTC"
    bearer = {"authorization": f"Bearer {token}"}
    headers = {**bearer, "content-type": "text/csv", "content-length": str(file.stat().st_size)}
    with file.open("rb") as body:
        job = _json(urllib.request.Request(f"{url}/api/v1/data/import?{query}", body, headers))
    while job["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.25)
        job = _json(urllib.request.Request(f"{url}/api/v1/jobs/{job['job_id']}", headers=bearer))
    _checked(job)


def _checked(job: dict[str, object]) -> dict[str, object]:
    if job["status"] != "SUCCEEDED" or job["rows_read"] != job["rows_written"]:
        raise RuntimeError(f"the import did not bring in every row: {job}")
    return job


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
                peaks[command[3]] = peak_of(process.pid)
    return peaks


def peak_of(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def one_round(ours: Ours, peer: Peer | None, files: Files, rows: int, folder: Path) -> Round:
    return Round(
        ours.once(files.upload),
        bare_copy(ours.superuser_url, files.bare),
        bare_delta(lake_rows(files.bare), folder / "delta"),
        import_by(peer, files.peer, rows) if peer else None,
    )


def main() -> None:
    """Prints a line per round, the medians, the ratios and the peaks."""
    options = parse()
    folder = Path(tempfile.mkdtemp(prefix="atl-bench-"))
    folder.chmod(0o755)
    rounds: list[Round] = []
    try:
        files = write_files(folder, options.rows)
        if options.format == "jsonl":
            files.upload = as_json_lines(files.upload)
        print(f"{options.rows} posts, {files.upload.stat().st_size / 1e6:.0f} MB; seconds of each")
        with ExitStack() as stack:
            ours = stack.enter_context(ours_through(options.url) if options.url else ours_here(folder))
            peer = stack.enter_context(running_peer(options.peers)) if options.peers else None
            for _ in range(options.rounds):
                rounds.append(one_round(ours, peer, files, options.rows, folder))
                print(told(rounds[-1]), f"load {os.getloadavg()[0]:.1f}", flush=True)
            peaks = ours.peaks() | ({"peer": peak_of(peer.pid)} if peer else {})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(rounds, options.rows, peaks)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="of the customer's file")
    parser.add_argument("--url", default="", help="gateway, as in http://localhost:8000")
    parser.add_argument("--peers", type=Path, help="folder of the peers, with run_peer.sh")
    return parser.parse_args()


def told(one: Round) -> str:
    peer = f"  peer {one.peer:7.1f}" if one.peer is not None else ""
    return f"  import {one.ours:7.1f}  COPY {one.copy:7.1f}  Delta {one.delta:6.1f}{peer} "


def report(rounds: list[Round], rows: int, peaks: dict[str, int]) -> None:
    median = statistics.median([one.ours for one in rounds])
    print(f"medians of {len(rounds)} rounds; the import {median:.1f} s, {rows / median:.0f} rows/s")
    _ratios("import / (COPY + Delta)", [one.ours / (one.copy + one.delta) for one in rounds], "at most 2")
    _ratios("import / COPY", [one.ours / one.copy for one in rounds], "none")
    if all(one.peer is not None for one in rounds):
        _ratios("peer / import", [(one.peer or 0) / one.ours for one in rounds], "at least 4")
    for command, peak in peaks.items():
        print(f"  peak of {command:5} {peak / 1024:4.0f} MB{' (goal: under 300)' if command == 'work' else ''}")


def _ratios(name: str, ratios: list[float], goal: str) -> None:
    print(f"  {name:24} {statistics.median(ratios):5.2f} ({min(ratios):.2f}..{max(ratios):.2f}; goal: {goal})")


if __name__ == "__main__":
    main()
