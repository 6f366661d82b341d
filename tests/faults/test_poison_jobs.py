"""A file that kills every worker that reads it is given up; all other files get in, and it too once it can be read."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.server import build_server
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database
from support.ingest_running import IngestSuite, Tenant
from support.ledger import Ledger, broken_rules
from support.poisoned_worker import POISON
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer
from support.workers import worker_process

if TYPE_CHECKING:
    from faults.conftest import Report

# The plan's thousand take some minutes; a run of few seeds is content with fewer.
GOOD_FILES = 1_000 if int(os.environ.get("FAULT_SEEDS", "1")) >= 10 else 30
MOST_ATTEMPTS = 5


@pytest.fixture
async def without_worker(
    postgres: EmbeddedPostgres, tmp_path: Path, issuer: TestIssuer
) -> AsyncIterator[tuple[Tenant, Settings]]:
    own = database_for("ingest")
    database = Database(own.url)
    async with socket_address() as address:
        settings = Settings(
            database_url=own.url,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
            ingest_spool_folder=tmp_path / "spool",
            listen_address=address,
            jobs_per_tenant=0,
            drain_seconds=0,
        )
        async with running(await build_server(settings, verifier=issuer.verifier())) as channel:
            yield Tenant(IngestSuite(channel, issuer, own, database, tmp_path / "lake")), settings
    await database.close()


async def test_a_poisoned_file_is_given_up_and_all_others_get_in(
    without_worker: tuple[Tenant, Settings], tmp_path: Path, report: "Report"
) -> None:
    tenant, settings = without_worker
    environment = {
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
    }
    await tenant.add_account()
    ledger, jobs = Ledger(tmp_path / "ledger"), {}
    for number in range(GOOD_FILES + 1):
        row = POISON.decode() if number == GOOD_FILES // 2 else str(number)
        operation = ledger.begin("posts", [row])
        content = f"fecha,texto,id\n2024-01-05,{row},{row}\n"
        jobs[row] = operation, await tenant.upload(content, kind="posts", account="banco")
        ledger.end(operation, "accepted", job=jobs[row][1])
    poisoned, job_id = jobs.pop(POISON.decode())
    deaths = 0
    # A worker that does not even start dies too.
    while (failed := await tenant.queue.get(tenant.tenant_id, job_id)).status != "FAILED" and deaths < 10:
        async with worker_process("support.poisoned_worker", environment) as worker:
            given_up = asyncio.create_task(tenant.queue.wait(tenant.tenant_id, job_id, 300))
            await asyncio.wait([asyncio.create_task(worker.wait()), given_up], return_when=asyncio.FIRST_COMPLETED)
            given_up.cancel()
            with suppress(asyncio.CancelledError):
                await given_up
            deaths += worker.returncode is not None
        # So that no test waits until the dead one is missed.
        tenant.query("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' RETURNING id")
    assert (failed.code, failed.attempt - 1, deaths) == ("TOO_MANY_ATTEMPTS", MOST_ATTEMPTS, MOST_ATTEMPTS)
    async with worker_process("support.poisoned_worker", environment):
        for operation, good in jobs.values():
            assert (await tenant.ended(good)).status == job_pb2.JobStatus.SUCCEEDED
            ledger.end(operation, "acked")
    ledger.end(poisoned, "refused")
    report.fault("a file kills every worker", ledger.operations())
    assert there(tenant, ledger) == []
    # The library is mended, and the job is tried again from among the dead ones.
    await tenant.jobs.RetryJob(data_pb2.RetryJobRequest(job_id=job_id), metadata=tenant.bearer())
    async with worker_process("ingest_service", environment, "work"):
        assert (await tenant.ended(job_id)).status == job_pb2.JobStatus.SUCCEEDED
    ledger.end(poisoned, "acked")
    assert there(tenant, ledger) == []


def there(tenant: Tenant, ledger: Ledger) -> list[str]:
    record = tenant.query("SELECT id_externo FROM posts WHERE tenant_id = {tenant}")
    return [
        *broken_rules(ledger.operations(), [row["id_externo"] for row in record]),
        *broken_rules(ledger.operations(), [row["id_externo"] for row in tenant.lake_rows("social/posts")]),
    ]
