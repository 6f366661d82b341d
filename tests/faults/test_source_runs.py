"""A source run whose worker or whose database dies in the middle brings every row once, or leaves what was there."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from atalaya.jobs.v1 import job_pb2
from local_suite.postgres import EmbeddedPostgres
from support import postgres as servers
from support.ledger import Ledger, broken_rules
from support.sources_running import (
    PostgresSource,
    SourcesSuite,
    SourceTenant,
    door,
    new_postgres_source,
    serving_sources,
)
from support.tokens import TestIssuer
from support.workers import worker_process

if TYPE_CHECKING:
    from faults.conftest import Report

SUCCEEDED = job_pb2.JobStatus.SUCCEEDED
ROWS = 60_000
TABLES = ("users", "orders")
FAULTS = ("the worker is killed", "the source is cut off", "the worker is paused past its lease")
LONGEST_WAIT_SECONDS = 0.8


@pytest.fixture
async def port(postgres: EmbeddedPostgres) -> AsyncIterator[int]:
    async with door(servers.server().socket_dir / ".s.PGSQL.5432") as port:
        yield port


@pytest.fixture
async def suite(issuer: TestIssuer, tmp_path: Path, port: int) -> AsyncIterator[SourcesSuite]:
    async with serving_sources(issuer, tmp_path, f"127.0.0.1:{port}", workers=False) as suite:
        yield suite


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_row_of_a_source_is_in_the_lake_once_when(
    suite: SourcesSuite, port: int, report: "Report", tmp_path: Path, fault: str, seed: int
) -> None:
    tenant, source, chance = SourceTenant(suite), new_postgres_source(port), random.Random(f"{fault}{seed}")
    ledger = Ledger(tmp_path / "ledger")
    for table in TABLES:
        source.run(
            f"CREATE TABLE {table} (id text PRIMARY KEY, said text)",
            f"INSERT INTO {table} SELECT '{table}-' || n, md5(n::text) FROM generate_series(1, {ROWS}) n",  # noqa: S608
        )
        ledger.end(ledger.begin("source", [f"{table}-{n}" for n in range(1, ROWS + 1)]), "acked")
    await tenant.create(source.url, list(TABLES))
    first = await tenant.begin()
    async with worker_process("ingest_service", environment(suite), "work") as worker:
        await running_of(tenant, first)
        await asyncio.sleep(chance.random() * LONGEST_WAIT_SECONDS)
        if fault == "the source is cut off":
            cut_off(source)
            await whole(tenant, first)
        else:
            worker.send_signal(signal.SIGKILL if "killed" in fault else signal.SIGSTOP)
            async with worker_process("ingest_service", environment(suite), "work"):
                await whole(tenant, first)
                # What comes later is not to be lost to what was paused.
                source.run("INSERT INTO users VALUES ('users-late', '')")
                ledger.end(ledger.begin("source", ["users-late"]), "acked")
                await whole(tenant, await tenant.begin())
                if "paused" in fault:
                    worker.send_signal(signal.SIGCONT)
                    # It takes a job again when it has given up the one that it had.
                    await whole(tenant, await tenant.begin())
            if "paused" in fault:
                await whole(tenant, await tenant.begin())
    hit = (await tenant.queue.get(tenant.tenant_id, first)).attempt > 1
    report.count("source runs that were hit in the middle", hit)
    found = [row["id"] for table in TABLES for row in tenant.rows(f"postgresql/{table}")]
    report.fault(f"source run: {fault}", ledger.operations())
    assert broken_rules(ledger.operations(), found) == []


def environment(suite: SourcesSuite) -> dict[str, str]:
    settings = suite.settings
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
        "SOURCES_ALLOWED": settings.sources_allowed,
        "SOURCES_ENCRYPTION_KEYS": settings.sources_encryption_keys,
    }


async def running_of(tenant: SourceTenant, job_id: str) -> None:
    async with asyncio.timeout(180):
        while (await tenant.queue.get(tenant.tenant_id, job_id)).status == "QUEUED":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def whole(tenant: SourceTenant, job_id: str) -> None:
    """Waits for a run that ends well, and whose counts add up."""
    job = await tenant.ended(job_id)
    assert job.status == SUCCEEDED, job
    assert job.rows_read == job.rows_written + job.rows_unchanged + job.rows_rejected >= len(TABLES) * ROWS, job


def cut_off(source: PostgresSource) -> None:
    """Ends every session of the source's reader, as a database that goes away does."""
    source.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{source.user}'")  # noqa: S608
