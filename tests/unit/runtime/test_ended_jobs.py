"""Jobs that ended long ago go, of every tenant, and all others stay."""

import asyncio
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.jobs import EndedJobs, JobQueue, Worker
from sqlalchemy import text
from support.postgres import ServiceDatabase, database_for

ENDED = text("UPDATE jobs SET status = :status, finished_at = now() - make_interval(days => :days) WHERE id = :id")


@pytest.fixture(scope="module")
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    # A database of its sample: what is removed is of all tenants.
    return database_for("sample", package="support.sample_service")


async def job(database: Database, tenant_id: UUID, status: str = "QUEUED", days: int = 0) -> str:
    """Queues a job, and ends it so many days ago where it is to have ended."""
    async with database.tenant_session(tenant_id) as session:
        asked = await JobQueue(database, "sample").enqueue(
            session, tenant_id=tenant_id, kind="note", payload={}, requested_by=""
        )
        if status in ("SUCCEEDED", "FAILED", "CANCELLED"):
            values = {"status": status, "days": days, "id": UUID(asked.id.partition("/")[2])}
            await session.execute(ENDED, values)
    return asked.id


async def known(database: Database, tenant_id: UUID) -> list[str]:
    return [job.id for job in await JobQueue(database, "sample").list(tenant_id, limit=100)]


async def test_all_that_ended_long_ago_go_some_at_a_time_and_no_others(database: Database) -> None:
    tenants = [uuid4(), uuid4(), uuid4()]
    for tenant_id in tenants[:2]:
        for status in ("SUCCEEDED", "FAILED", "CANCELLED", "SUCCEEDED", "FAILED"):
            await job(database, tenant_id, status, days=91)
    stay = {tenant: [await job(database, tenant), await job(database, tenant, "FAILED", days=89)] for tenant in tenants}
    assert await EndedJobs(database, 90, batch=2).run_once() == 10
    assert {tenant: sorted(await known(database, tenant)) for tenant in tenants} == stay


async def test_one_that_is_being_tried_again_stays(database: Database) -> None:
    tenant_id = uuid4()
    retried, _ = [await job(database, tenant_id, "FAILED", days=91) for _ in range(2)]
    async with database.tenant_session(tenant_id) as session:
        held = text("SELECT id FROM jobs WHERE id = :id FOR UPDATE")
        await session.execute(held, {"id": UUID(retried.partition("/")[2])})
        await asyncio.wait_for(EndedJobs(database, 90).run_once(), 60)
    assert await known(database, tenant_id) == [retried]


async def test_a_worker_removes_them_beside_its_jobs(sample: ServiceDatabase, database: Database) -> None:
    tenant_id = uuid4()
    await job(database, tenant_id, "SUCCEEDED", days=31)
    worker_database = Database(sample.url)
    settings = RuntimeSettings(database_url=sample.url, drain_seconds=0)
    worker = Worker(settings, worker_database, "sample", {}, ended_jobs=EndedJobs(worker_database, 30))
    task = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(60):
            while await known(database, tenant_id):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        worker.stop()
        await asyncio.wait_for(task, 60)
