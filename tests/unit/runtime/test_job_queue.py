"""Jobs are queued with their cause, seen by their tenant alone, and cancelled while they wait."""

import time
from uuid import UUID, uuid4

import pytest
from service_runtime.database import Database
from service_runtime.errors import Conflict, NotFound
from service_runtime.jobs import JobQueue, JobRecord
from sqlalchemy import text


async def ask(database: Database, queue: JobQueue, tenant_id: UUID, kind: str = "note", **payload: object) -> JobRecord:
    async with database.tenant_session(tenant_id) as session:
        return await queue.enqueue(session, tenant_id=tenant_id, kind=kind, payload=payload, requested_by="ana")


async def waiting_in_queue(database: Database, tenant_id: UUID) -> int:
    async with database.system_session() as session:
        count = text("SELECT count(*) FROM procrastinate_jobs WHERE args->>'tenant_id' = :tenant AND status = 'todo'")
        return int((await session.execute(count, {"tenant": str(tenant_id)})).scalar_one())


async def test_a_job_waits_with_all_that_was_said(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    asked = await ask(database, queue, tenant_id, body="hello")
    job = await queue.get(tenant_id, asked.id)
    assert job == asked
    assert (job.kind, job.status, job.attempt, job.payload, job.requested_by) == (
        "note",
        "QUEUED",
        0,
        {"body": "hello"},
        "ana",
    )
    assert job.id.startswith("sample/")
    assert await waiting_in_queue(database, tenant_id) == 1


async def test_a_cause_that_is_rolled_back_queues_nothing(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    with pytest.raises(KeyError):
        async with database.tenant_session(tenant_id) as session:
            await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="")
            raise KeyError("later")
    assert await queue.list(tenant_id, limit=10) == []
    assert await waiting_in_queue(database, tenant_id) == 0


async def test_a_job_may_bring_its_own_id(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    job_id = str(uuid4())
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="", job_id=job_id)
    assert job.id == f"sample/{job_id}"


async def test_another_tenants_job_looks_like_none(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    job = await ask(database, queue, tenant_id)
    for call in (queue.get(uuid4(), job.id), queue.cancel(uuid4(), job.id)):
        with pytest.raises(NotFound, match="JOB_NOT_FOUND"):
            await call
    assert await queue.list(uuid4(), limit=10) == []


@pytest.mark.parametrize("job_id", ["", "sample/", "other/0192f3a4-0000-7000-8000-000000000000", "sample/x", "a/b/c"])
async def test_an_id_that_cannot_be_ours_is_not_found(queue: JobQueue, tenant_id: UUID, job_id: str) -> None:
    with pytest.raises(NotFound, match="JOB_NOT_FOUND"):
        await queue.get(tenant_id, job_id)


async def test_jobs_are_listed_from_the_newest_on(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    first, second, third = [await ask(database, queue, tenant_id, kind) for kind in ("note", "wait", "note")]
    assert [job.id for job in await queue.list(tenant_id, limit=2)] == [third.id, second.id]
    assert [job.id for job in await queue.list(tenant_id, after=second.id, limit=2)] == [first.id]
    assert [job.id for job in await queue.list(tenant_id, kind="note", limit=9)] == [third.id, first.id]
    assert await queue.list(tenant_id, status="RUNNING", limit=9) == []


async def test_a_waiting_job_is_cancelled_at_once_and_only_once(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    asked = await ask(database, queue, tenant_id)
    job = await queue.cancel(tenant_id, asked.id)
    assert job.status == "CANCELLED"
    assert job.finished_at is not None
    with pytest.raises(Conflict, match="JOB_ENDED"):
        await queue.cancel(tenant_id, asked.id)


async def test_waiting_ends_when_the_time_is_over(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    asked = await ask(database, queue, tenant_id)
    began = time.monotonic()
    job = await queue.wait(tenant_id, asked.id, 0.1)
    assert job.status == "QUEUED"
    assert time.monotonic() - began < 1
