"""Small work apart from the jobs: done if its cause is there, until it succeeds, while a long job runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.errors import Unavailable
from service_runtime.jobs import JobQueue, JobRun, SideTask, Worker
from service_runtime.jobs.side_tasks import pause_seconds
from support.postgres import ServiceDatabase, database_for

FOLLOW = SideTask("sample-follow", "follow")


@pytest.fixture(scope="module")
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    # A database of its sample, so that no other worker takes these tasks.
    return database_for("sample", package="support.sample_service")


class Follower:
    """Notes for whom it was called, and fails at first where told to."""

    def __init__(self, fail: int = 0) -> None:
        self.fail = fail
        self.calls: list[UUID] = []
        self.job_begun, self.job_may_end = asyncio.Event(), asyncio.Event()

    async def follow(self, tenant_id: UUID) -> None:
        self.calls.append(tenant_id)
        if len(self.calls) <= self.fail:
            raise Unavailable("AWAY", "The lake is away.")

    async def long_job(self, run: JobRun) -> None:
        self.job_begun.set()
        await self.job_may_end.wait()

    async def until(self, calls: int) -> None:
        async with asyncio.timeout(30):
            while len(self.calls) < calls:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def working(sample: ServiceDatabase, follower: Follower) -> AsyncIterator[None]:
    settings = RuntimeSettings(database_url=sample.url, drain_seconds=0)
    worker = Worker(
        settings, Database(sample.url), "sample", {"long": follower.long_job}, side_tasks={FOLLOW: follower.follow}
    )
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        follower.job_may_end.set()
        worker.stop()
        await asyncio.wait_for(task, 60)


async def test_a_task_is_done_again_until_it_succeeds_and_waits_for_no_job(
    sample: ServiceDatabase, database: Database
) -> None:
    tenant_id, follower = uuid4(), Follower(fail=1)
    async with working(sample, follower):
        async with database.tenant_session(tenant_id) as session:
            await JobQueue(database, "sample").enqueue(
                session, tenant_id=tenant_id, kind="long", payload={}, requested_by="ana"
            )
        await asyncio.wait_for(follower.job_begun.wait(), 60)
        async with database.tenant_session(tenant_id) as session:
            await FOLLOW.ask(session, tenant_id)
        await follower.until(2)
        assert not follower.job_may_end.is_set()
    assert follower.calls == [tenant_id] * 2


async def test_a_task_is_not_there_where_its_cause_was_taken_back(sample: ServiceDatabase, database: Database) -> None:
    dropped, kept, follower = uuid4(), uuid4(), Follower()
    with suppress(ZeroDivisionError):
        async with database.tenant_session(dropped) as session:
            await FOLLOW.ask(session, dropped)
            raise ZeroDivisionError
    async with database.tenant_session(kept) as session:
        await FOLLOW.ask(session, kept)
    async with working(sample, follower):
        await follower.until(1)
    assert follower.calls == [kept]


def test_the_pause_grows_to_a_quarter_of_a_minute() -> None:
    assert [pause_seconds(attempts) for attempts in (0, 1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 8, 15, 15, 15]
