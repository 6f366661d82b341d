"""A tenant's rows and jobs are erased, all of them and nobody else's, and nothing that ran is written behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from local_suite.redis import EmbeddedRedis
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.errors import NotFound, Unavailable
from service_runtime.jobs import JobQueue
from service_runtime.limits import Window
from service_runtime.limits_redis import RedisCounters
from service_runtime.redis_client import open_redis
from sqlalchemy import text
from support import postgres as databases
from support.postgres import ServiceDatabase
from support.workers import worker_process

pytestmark = pytest.mark.slow

INSERT = text(
    "WITH note AS (INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, :body) RETURNING id) "
    "INSERT INTO remarks (tenant_id, note_id) SELECT :tenant_id, id FROM note"
)


@pytest.fixture(scope="module")
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    # A database of its own, since its worker takes every job that it finds.
    return databases.database_for("sample", package="support.sample_service")


@pytest.fixture
async def worker(sample: ServiceDatabase) -> AsyncIterator[asyncio.subprocess.Process]:
    async with worker_process("support.sample_service", {"DATABASE_URL": sample.url}) as process:
        yield process


async def write(database: Database, tenant_id: UUID, notes: int) -> None:
    for number in range(notes):
        async with database.tenant_session(tenant_id) as session:
            await session.execute(INSERT, {"tenant_id": tenant_id, "body": str(number)})


async def ask(database: Database, queue: JobQueue, tenant_id: UUID, kind: str, **payload: object) -> str:
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind=kind, payload=payload, requested_by="ana")
    return job.id


async def until_held(queue: JobQueue, tenant_id: UUID, job_id: str) -> None:
    async with asyncio.timeout(60):
        while True:
            if (await queue.get(tenant_id, job_id)).progress == 0.5:
                return
            await asyncio.sleep(0.02)


def everything_with(sample: ServiceDatabase, tenant_id: UUID) -> dict[str, int]:
    """Counts rows that name a tenant anywhere, as the superuser, in tables whatever they are."""
    with databases.server().connect(sample.name) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
        counts = {}
        for (table,) in tables:
            query = f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s"  # noqa: S608
            row = connection.execute(query, [f"%{tenant_id}%"]).fetchone()
            counts[table] = row[0] if row else 0
    return {table: count for table, count in counts.items() if count}


async def test_every_row_of_the_tenant_goes_and_no_other(
    database: Database, queue: JobQueue, sample: ServiceDatabase, tenant_id: UUID
) -> None:
    other, rows = uuid4(), TenantRows(database, at_a_time=2)
    for each in (tenant_id, other):
        await write(database, each, 5)
        await ask(database, queue, each, "note", body="queued")
    before = everything_with(sample, other)
    # Positive control: the look finds rows, jobs and the queue.
    assert everything_with(sample, tenant_id) == {"notes": 5, "remarks": 5, "jobs": 1, "procrastinate_jobs": 1}

    assert await rows.end_jobs(tenant_id) == 1
    assert await rows.erase(tenant_id) == 10

    assert everything_with(sample, tenant_id) == {}
    assert everything_with(sample, other) == before
    assert await rows.end_jobs(tenant_id) + await rows.erase(tenant_id) == 0


async def test_tables_may_be_left_apart(database: Database, sample: ServiceDatabase, tenant_id: UUID) -> None:
    await write(database, tenant_id, 1)
    assert await TenantRows(database).erase(tenant_id, apart={"remarks", "notes"}) == 0
    assert everything_with(sample, tenant_id) == {"notes": 1, "remarks": 1}


async def test_a_running_job_ends_and_writes_nothing_more(
    worker: object, database: Database, queue: JobQueue, sample: ServiceDatabase, tenant_id: UUID
) -> None:
    job_id = await ask(database, queue, tenant_id, "wait", attempts=2, body="late")
    await until_held(queue, tenant_id, job_id)
    assert await TenantRows(database, patience=30).end_jobs(tenant_id) == 1
    assert everything_with(sample, tenant_id) == {}
    with pytest.raises(NotFound):
        await queue.get(tenant_id, job_id)


async def test_what_a_job_writes_beside_the_database_is_waited_for(
    worker: object, database: Database, queue: JobQueue, sample: ServiceDatabase, tenant_id: UUID, tmp_path: Path
) -> None:
    gate, file = tmp_path / "gate", tmp_path / "file"
    job_id = await ask(database, queue, tenant_id, "hold", gate=str(gate), file=str(file), body="late")
    await until_held(queue, tenant_id, job_id)
    # Positive control: without waiting, the file would come after the erasure.
    with pytest.raises(Unavailable, match="JOBS_UNDER_WAY"):
        await TenantRows(database, patience=0).end_jobs(tenant_id)
    assert not file.exists()
    gate.touch()
    await TenantRows(database, patience=30).end_jobs(tenant_id)
    assert file.read_text() == "late"
    assert everything_with(sample, tenant_id) == {}


async def test_a_job_of_a_dead_worker_is_not_waited_for(
    worker: asyncio.subprocess.Process,
    database: Database,
    queue: JobQueue,
    sample: ServiceDatabase,
    tenant_id: UUID,
    tmp_path: Path,
) -> None:
    job_id = await ask(database, queue, tenant_id, "hold", gate=str(tmp_path / "never"), file="", body="")
    await until_held(queue, tenant_id, job_id)
    worker.kill()
    await worker.wait()
    await TenantRows(database, patience=30).end_jobs(tenant_id)
    assert everything_with(sample, tenant_id) == {}


async def test_counters_of_the_tenant_go_and_no_others(redis: EmbeddedRedis, tenant_id: UUID) -> None:
    other, windows = uuid4(), [Window(5, 60), Window(50, 3600)]
    client = open_redis(redis.url)
    counters = RedisCounters(client)
    for each in (tenant_id, other):
        for person in ("ana", "luis"):
            await counters.count(f"{each}:{person}", windows)
    assert len([key async for key in client.scan_iter(match=f"*{tenant_id}*")]) == 4
    await counters.forget(tenant_id)
    assert [key async for key in client.scan_iter(match=f"*{tenant_id}*")] == []
    assert len([key async for key in client.scan_iter(match=f"*{other}*")]) == 4
    await client.aclose()


async def test_a_redis_that_is_away_holds_nothing_up(tenant_id: UUID) -> None:
    client = open_redis("unix:///nowhere/redis.sock")
    await RedisCounters(client).forget(tenant_id)
    await client.aclose()
