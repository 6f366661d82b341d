"""A worker runs jobs to their end, survives what kills it, and never lets an old attempt write."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.errors import Unavailable
from service_runtime.jobs import JobQueue, JobRecord, JobRun, StaleAttempt, Worker, workers_alive
from service_runtime.jobs.attempts import Attempts
from sqlalchemy import text
from support.postgres import ServiceDatabase, database_for, kill, migrated, own_server
from support.workers import worker_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    # A database of its own, so that no other test's jobs are run here.
    return database_for("sample", package="support.sample_service")


@pytest.fixture(scope="module")
async def worker(sample: ServiceDatabase) -> AsyncIterator[asyncio.subprocess.Process]:
    async with worker_process("support.sample_service", {"DATABASE_URL": sample.url}) as process:
        yield process


async def ask(database: Database, queue: JobQueue, tenant_id: UUID, kind: str, **payload: object) -> str:
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind=kind, payload=payload, requested_by="ana")
    return job.id


async def bodies(database: Database, tenant_id: UUID) -> list[str]:
    async with database.tenant_session(tenant_id) as session:
        return list((await session.execute(text("SELECT body FROM notes"))).scalars())


async def until_running(queue: JobQueue, tenant_id: UUID, job_id: str, attempt: int = 1) -> JobRecord:
    async with asyncio.timeout(60):
        while True:
            job = await queue.get(tenant_id, job_id)
            if job.status == "RUNNING" and job.attempt >= attempt and job.progress > 0:
                return job
            await asyncio.sleep(0.02)


async def until_workers(database: Database, count: int) -> None:
    async with asyncio.timeout(60):
        while True:
            async with database.system_session() as session:
                if (await session.execute(text("SELECT count(*) FROM procrastinate_workers"))).scalar_one() == count:
                    return
            await asyncio.sleep(0.05)


async def test_a_job_runs_once_and_its_mark_comes_with_its_effect(
    worker: object, database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    job = await queue.wait(tenant_id, await ask(database, queue, tenant_id, "note", body="hello"), 60)
    assert (job.status, job.attempt, job.progress, job.rows_written, job.result) == (
        "SUCCEEDED",
        1,
        1,
        1,
        {"attempt": 1},
    )
    assert job.started_at is not None
    assert job.finished_at is not None
    assert await bodies(database, tenant_id) == ["hello"]


async def test_a_known_error_fails_the_job_at_once_with_its_reason(
    worker: object, database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    job = await queue.wait(tenant_id, await ask(database, queue, tenant_id, "refuse"), 60)
    assert (job.status, job.code, job.error, job.attempt) == ("FAILED", "BAD_FILE", "The file cannot be read.", 1)


async def test_an_unknown_kind_fails(worker: object, database: Database, queue: JobQueue, tenant_id: UUID) -> None:
    job = await queue.wait(tenant_id, await ask(database, queue, tenant_id, "unheard_of"), 60)
    assert (job.status, job.code) == ("FAILED", "JOB_KIND_UNKNOWN")


async def test_a_running_job_stops_when_it_is_cancelled(
    worker: object, database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    job_id = await ask(database, queue, tenant_id, "wait", attempts=99, body="never")
    running = await until_running(queue, tenant_id, job_id)
    assert running.details == {"waiting_in": "1"}
    await queue.cancel(tenant_id, job_id)
    assert (await queue.wait(tenant_id, job_id, 60)).status == "CANCELLED"
    assert await bodies(database, tenant_id) == []


async def test_workers_are_alive_while_one_is_there(worker: object, database: Database, queue: JobQueue) -> None:
    tenant_id = uuid4()
    await queue.wait(tenant_id, await ask(database, queue, tenant_id, "note", body="x"), 60)
    await workers_alive(database)()


async def test_no_worker_is_told_as_unavailable(postgres: EmbeddedPostgres) -> None:
    database = Database(database_for("sample", package="support.sample_service").url)
    with pytest.raises(Unavailable, match="NO_WORKER"):
        await workers_alive(database)()
    await database.close()


async def test_a_worker_that_is_told_to_stop_while_it_begins_stops(sample: ServiceDatabase) -> None:
    worker = Worker(RuntimeSettings(database_url=sample.url, drain_seconds=0), Database(sample.url), "sample", {})
    working = asyncio.create_task(worker.run())
    # As far as its first wait for the database.
    await asyncio.sleep(0)
    worker.stop()
    await asyncio.wait_for(working, 60)


async def test_the_job_of_a_killed_worker_is_taken_again_within_ten_seconds(postgres: EmbeddedPostgres) -> None:
    fresh = database_for("sample", package="support.sample_service")
    database, tenant_id = Database(fresh.url), uuid4()
    queue = JobQueue(database, "sample")
    job_id = await ask(database, queue, tenant_id, "wait", attempts=2, body="once")
    async with worker_process("support.sample_service", {"DATABASE_URL": fresh.url}) as first:
        await until_running(queue, tenant_id, job_id)
        async with worker_process("support.sample_service", {"DATABASE_URL": fresh.url}):
            await until_workers(database, 2)
            first.send_signal(signal.SIGKILL)
            killed_at = time.monotonic()
            job = await queue.wait(tenant_id, job_id, 60)
            seconds = time.monotonic() - killed_at
    assert (job.status, job.attempt) == ("SUCCEEDED", 2)
    assert await bodies(database, tenant_id) == ["once"]
    # Ten are promised; without a heartbeat of ours it would be thirty at least.
    assert seconds < 25
    await database.close()


async def test_a_worker_that_was_taken_for_dead_reports_again_without_a_job(postgres: EmbeddedPostgres) -> None:
    fresh = database_for("sample", package="support.sample_service")
    database = Database(fresh.url)
    async with worker_process("support.sample_service", {"DATABASE_URL": fresh.url}):
        await until_workers(database, 1)
        async with database.system_session() as session:
            # As another worker does with one of which nothing was heard.
            await session.execute(text("DELETE FROM procrastinate_workers"))
        await until_workers(database, 1)
        await workers_alive(database)()
    await database.close()


async def test_a_worker_that_is_told_to_stop_queues_its_job_again_without_counting_the_attempt(
    postgres: EmbeddedPostgres,
) -> None:
    fresh = database_for("sample", package="support.sample_service")
    database, tenant_id = Database(fresh.url), uuid4()
    queue = JobQueue(database, "sample")
    job_id = await ask(database, queue, tenant_id, "wait", attempts=2, body="once")
    settings = {"DATABASE_URL": fresh.url, "DRAIN_SECONDS": "0.1"}
    async with worker_process("support.sample_service", settings) as first:
        await until_running(queue, tenant_id, job_id)
        first.send_signal(signal.SIGTERM)
        assert await first.wait() == 0
    assert (await queue.get(tenant_id, job_id)).status == "QUEUED"
    async with worker_process("support.sample_service", settings):
        job = await queue.wait(tenant_id, job_id, 60)
    assert (job.status, job.attempt) == ("SUCCEEDED", 2)
    await database.close()


async def test_an_attempt_that_was_given_up_writes_nothing(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    attempts = Attempts(database, "other")
    async with database.tenant_session(tenant_id) as session:
        job = await JobQueue(database, "other").enqueue(
            session, tenant_id=tenant_id, kind="note", payload={}, requested_by=""
        )
    key = UUID(job.id.partition("/")[2])
    first = await attempts.begin(tenant_id, key)
    second = await attempts.begin(tenant_id, key)
    assert first is not None
    assert second is not None
    old_run = JobRun(database, tenant_id, job.id, first.attempt, {})
    with pytest.raises(StaleAttempt):
        await old_run.report(progress=0.9)
    with pytest.raises(StaleAttempt):
        async with database.tenant_session(tenant_id) as session:
            await old_run.finish(session)
    await attempts.end(first, "FAILED", code="OLD")
    await attempts.requeue(first)
    now = await queue.get(tenant_id, str(key))
    assert (now.status, now.attempt, now.progress, now.code) == ("RUNNING", 2, 0, "")


async def test_a_job_that_kills_its_workers_is_given_up_after_five_attempts(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    attempts = Attempts(database, "other")
    async with database.tenant_session(tenant_id) as session:
        job = await JobQueue(database, "other").enqueue(
            session, tenant_id=tenant_id, kind="note", payload={}, requested_by=""
        )
    key = UUID(job.id.partition("/")[2])
    begun = [await attempts.begin(tenant_id, key) for _ in range(6)]
    assert [attempt is not None for attempt in begun] == [True] * 5 + [False]
    now = await queue.get(tenant_id, str(key))
    assert (now.status, now.code) == ("FAILED", "TOO_MANY_ATTEMPTS")


async def heartbeats_stop(database: Database) -> None:
    """Makes the worker that was killed one that has been silent for long, so that no test waits for it."""
    async with database.system_session() as session:
        await session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"))


async def test_a_job_that_kills_every_worker_fails_alone_and_can_be_tried_again(postgres: EmbeddedPostgres) -> None:
    fresh = database_for("sample", package="support.sample_service")
    database, tenant_id = Database(fresh.url), uuid4()
    queue = JobQueue(database, "sample")
    good = [await ask(database, queue, tenant_id, "note", body=f"{number}") for number in range(50)]
    poison = await ask(database, queue, tenant_id, "kill", deaths=5, body="poison")
    good += [await ask(database, queue, tenant_id, "note", body=f"{number}") for number in range(50, 100)]
    deaths = 0
    while (await queue.get(tenant_id, poison)).status != "FAILED" and deaths < 10:
        async with worker_process("support.sample_service", {"DATABASE_URL": fresh.url}) as worker:
            ended = asyncio.create_task(worker.wait())
            given_up = asyncio.create_task(queue.wait(tenant_id, poison, 300))
            await asyncio.wait([ended, given_up], return_when=asyncio.FIRST_COMPLETED)
            given_up.cancel()
            deaths += worker.returncode is not None
        await heartbeats_stop(database)
    failed = await queue.get(tenant_id, poison)
    assert (deaths, failed.status, failed.code) == (5, "FAILED", "TOO_MANY_ATTEMPTS")
    await queue.retry(tenant_id, poison)
    async with worker_process("support.sample_service", {"DATABASE_URL": fresh.url}):
        assert {(await queue.wait(tenant_id, job_id, 60)).status for job_id in [*good, poison]} == {"SUCCEEDED"}
    assert sorted(await bodies(database, tenant_id)) == sorted([*map(str, range(100)), "poison"])
    await database.close()


async def test_the_unforeseen_is_tried_five_times_and_tells_nothing(
    database: Database, queue: JobQueue, tenant_id: UUID
) -> None:
    from service_runtime.jobs.execution import Execution

    async def crash(run: JobRun) -> None:
        raise RuntimeError("password=hunter2")

    other = JobQueue(database, "other")
    async with database.tenant_session(tenant_id) as session:
        job = await other.enqueue(session, tenant_id=tenant_id, kind="crash", payload={}, requested_by="")
    execution = Execution(database, "other", Attempts(database, "other"), {"crash": crash})
    seen = []
    for _ in range(5):
        await execution.run(str(tenant_id), job.id.partition("/")[2], {}, "")
        seen.append((await other.get(tenant_id, job.id)).status)
    last = await other.get(tenant_id, job.id)
    assert seen == ["QUEUED"] * 4 + ["FAILED"]
    assert (last.code, last.attempt) == ("INTERNAL", 5)
    assert "hunter2" not in last.error


async def test_a_worker_and_its_job_outlive_a_database_that_is_killed() -> None:
    with own_server() as postgres:
        fresh = migrated(postgres, "sample", package="support.sample_service")
        database, tenant_id = Database(fresh.url), uuid4()
        queue = JobQueue(database, "sample")
        job_id = await ask(database, queue, tenant_id, "wait", attempts=2, body="once")
        settings = {"DATABASE_URL": fresh.url, "DRAIN_SECONDS": "0.1"}
        async with worker_process("support.sample_service", settings) as worker:
            await until_running(queue, tenant_id, job_id)
            kill(postgres)
            postgres.start()
            job = await queue.wait(tenant_id, job_id, 60)
            assert worker.returncode is None
        assert job.status == "SUCCEEDED"
        assert await bodies(database, tenant_id) == ["once"]
        await database.close()
