"""A tenant never has more than its quota, not even by one, however many ask in the same moment."""

import asyncio
from uuid import UUID, uuid4

import pytest
from service_runtime.database import Database
from service_runtime.errors import ResourceExhausted
from service_runtime.jobs import JobQueue, JobRecord
from sqlalchemy import text

QUOTA = 5


@pytest.fixture
def bounded(database: Database) -> JobQueue:
    return JobQueue(database, "sample", most_unfinished=QUOTA)


async def ask(database: Database, queue: JobQueue, tenant_id: UUID) -> JobRecord:
    async with database.tenant_session(tenant_id) as session:
        return await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="ana")


async def ask_at_once(database: Database, queue: JobQueue, tenant_id: UUID, times: int) -> list[ResourceExhausted]:
    """Asks many times in the same moment and gives the refusals."""
    # So that all connections are there and none comes late.
    await asyncio.gather(*(ask(database, queue, uuid4()) for _ in range(10)))
    outcomes = await asyncio.gather(*(ask(database, queue, tenant_id) for _ in range(times)), return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, ResourceExhausted)]
    assert all(isinstance(outcome, JobRecord | ResourceExhausted) for outcome in outcomes), outcomes
    return refusals


async def test_of_a_hundred_at_once_one_before_the_quota_exactly_one_passes(
    database: Database, bounded: JobQueue, tenant_id: UUID
) -> None:
    for _ in range(QUOTA - 1):
        await ask(database, bounded, tenant_id)

    refusals = await ask_at_once(database, bounded, tenant_id, 100)

    assert len(refusals) == 99
    assert len(await bounded.list(tenant_id, limit=200)) == QUOTA
    error = refusals[0]
    assert (error.reason, error.http_status) == ("QUOTA_EXCEEDED", 429)
    assert error.metadata == {"quota": "unfinished_jobs", "limit": str(QUOTA)}
    assert error.retry_after


async def test_without_the_lock_more_would_pass(
    database: Database, bounded: JobQueue, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service_runtime.quotas._LOCK", text("SELECT pg_sleep(0.05), CAST(:name AS text)"))

    for _ in range(QUOTA - 1):
        await ask(database, bounded, tenant_id)

    refusals = await ask_at_once(database, bounded, tenant_id, 20)

    assert len(refusals) < 19


async def test_a_job_that_ended_or_was_rolled_back_does_not_count(
    database: Database, bounded: JobQueue, tenant_id: UUID
) -> None:
    jobs = [await ask(database, bounded, tenant_id) for _ in range(QUOTA)]
    await bounded.cancel(tenant_id, jobs[0].id)
    with pytest.raises(KeyError):
        async with database.tenant_session(tenant_id) as session:
            await bounded.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="")
            raise KeyError("later")

    await ask(database, bounded, tenant_id)

    with pytest.raises(ResourceExhausted):
        await ask(database, bounded, tenant_id)


async def test_tenants_have_quotas_of_their_own_and_zero_is_none(
    database: Database, bounded: JobQueue, queue: JobQueue, tenant_id: UUID
) -> None:
    assert await ask_at_once(database, bounded, tenant_id, QUOTA) == []
    assert await ask_at_once(database, bounded, uuid4(), QUOTA) == []
    assert await ask_at_once(database, queue, tenant_id, QUOTA) == []
