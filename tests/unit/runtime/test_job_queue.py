"""Jobs are queued with their cause, seen by their tenant alone, and cancelled while they wait."""

import time
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from service_runtime.database import Database
from service_runtime.errors import Conflict, NotFound, ResourceExhausted
from service_runtime.jobs import JobQueue, JobRecord, JobRun
from service_runtime.jobs.attempts import Attempts
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


async def test_what_no_text_of_the_database_can_be_is_the_kind_of_no_job(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    await ask(database, queue, tenant_id)
    assert await queue.list(tenant_id, kind="note\0", limit=9) == []
    assert await queue.list(tenant_id, status="QUEUED\0", limit=9) == []


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
    assert time.monotonic() - began < 20


async def test_an_end_is_told_though_its_error_quotes_what_no_text_of_the_database_can_be(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    asked = await ask(database, queue, tenant_id)
    attempts = Attempts(database, "sample")
    attempt = await attempts.begin(tenant_id, UUID(asked.id.partition("/")[2]))
    assert attempt is not None
    run = JobRun(database, tenant_id, asked.id, attempt.attempt, attempt.payload)
    await run.report(details={"columns": "dat\0e, \ud800"})
    await attempts.end(attempt, "FAILED", code="COLUMN_MISSING", error="There is dat\0e, \ud800.")
    job = await queue.get(tenant_id, asked.id)
    assert (job.status, job.code, job.error) == ("FAILED", "COLUMN_MISSING", "There is dat\ufffde, ?.")
    assert job.details == {"columns": "dat\ufffde, ?"}


async def end(database: Database, tenant_id: UUID, job: JobRecord, status: str) -> None:
    async with database.tenant_session(tenant_id) as session:
        statement = text("UPDATE jobs SET status = :status, attempt = 5, rows_read = 7, code = 'X' WHERE id = :id")
        await session.execute(statement, {"status": status, "id": UUID(job.id.partition("/")[2])})


async def test_a_job_that_failed_is_queued_again_as_the_same_with_all_its_attempts(
    database: Database, tenant_id: UUID
) -> None:
    queue = JobQueue(database, "retried")
    job = await ask(database, queue, tenant_id)
    await end(database, tenant_id, job, "FAILED")
    again = await queue.retry(tenant_id, job.id)
    assert (again.id, again.status, again.code, again.rows_read) == (job.id, "QUEUED", "", 0)
    attempts = Attempts(database, "retried")
    key = UUID(job.id.partition("/")[2])
    begun = [await attempts.begin(tenant_id, key) for _ in range(6)]
    # Numbers go on, so that an attempt from before cannot write into one of these.
    assert [attempt.attempt for attempt in begun if attempt] == [6, 7, 8, 9, 10]


async def test_a_job_that_was_cancelled_while_it_waited_stands_once_in_the_queue(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    job = await ask(database, queue, tenant_id)
    await queue.cancel(tenant_id, job.id)
    await queue.retry(tenant_id, job.id)
    assert await waiting_in_queue(database, tenant_id) == 1


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING", "SUCCEEDED"])
async def test_only_a_job_that_failed_or_was_cancelled_is_queued_again(
    database: Database, queue: JobQueue, tenant_id: UUID, status: str
) -> None:
    job = await ask(database, queue, tenant_id)
    await end(database, tenant_id, job, status)
    with pytest.raises(Conflict, match="JOB_NOT_ENDED"):
        await queue.retry(tenant_id, job.id)
    assert await waiting_in_queue(database, tenant_id) == 1


async def test_another_tenants_job_cannot_be_tried_again(database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    job = await ask(database, queue, tenant_id)
    await end(database, tenant_id, job, "FAILED")
    with pytest.raises(NotFound, match="JOB_NOT_FOUND"):
        await queue.retry(uuid4(), job.id)
    assert (await queue.get(tenant_id, job.id)).status == "FAILED"


async def test_trying_again_counts_against_the_jobs_that_a_tenant_may_have_at_a_time(
    database: Database, tenant_id: UUID
) -> None:
    queue = JobQueue(database, "sample", most_unfinished=1)
    failed = await ask(database, queue, tenant_id)
    await end(database, tenant_id, failed, "FAILED")
    other = await ask(database, queue, tenant_id)
    with pytest.raises(ResourceExhausted, match="QUOTA_EXCEEDED"):
        await queue.retry(tenant_id, failed.id)
    await queue.cancel(tenant_id, other.id)
    assert (await queue.retry(tenant_id, failed.id)).status == "QUEUED"


BEGUN = datetime(2026, 11, 26, 12, tzinfo=UTC)


def working(seconds: float, *, status: str = "RUNNING", finished: bool = False, **values: Any) -> JobRecord:
    now = BEGUN + timedelta(seconds=seconds)
    known: dict[str, Any] = {name.name: None for name in fields(JobRecord)}
    known |= {"status": status, "started_at": BEGUN, "progress": 0.0, "rows_read": 0, **values}
    return JobRecord(**{**known, "read_at": now, "finished_at": now if finished else None})


def test_rates_and_times_left_are_those_of_the_work_so_far() -> None:
    job = working(10, progress=0.25, rows_read=123_456)
    assert (job.rows_per_second, job.seconds_left) == (12_300, 30)


def test_a_job_that_has_ended_keeps_its_rate_and_has_no_time_left() -> None:
    job = working(4, status="SUCCEEDED", finished=True, progress=1.0, rows_read=10)
    assert (job.rows_per_second, job.seconds_left) == (2.5, None)


def test_nothing_is_foretold_of_a_job_that_waits_or_has_done_next_to_nothing() -> None:
    assert working(0, status="QUEUED", started_at=None).rows_per_second == 0
    assert working(9, progress=0.001).seconds_left is None
    assert working(0, progress=0.5).seconds_left is None
