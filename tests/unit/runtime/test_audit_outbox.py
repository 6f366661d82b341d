"""What happened reaches the trail if, and only if, it happened; whatever is away meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.errors import Unavailable
from service_runtime.jobs import AuditOutbox, JobQueue, JobRun, Worker
from service_runtime.jobs.audit_outbox import AuditDelivery, pause_seconds
from service_runtime.request import current_request, read_request
from sqlalchemy import text
from support.postgres import ServiceDatabase, database_for

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)


@pytest.fixture
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    # A database of its sample, so that no other worker takes these events.
    return database_for("sample", package="support.sample_service")


@pytest.fixture
def outbox() -> AuditOutbox:
    return AuditOutbox("sample", clock=lambda: NOW)


class Trail:
    """Takes events, and refuses the first ones where told to."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.calls = 0
        self.request_ids: list[str] = []
        self.taken: list[tuple[UUID, Mapping[str, Any]]] = []

    async def deliver(self, tenant_id: UUID, event: Mapping[str, Any]) -> None:
        self.calls += 1
        request = current_request.get()
        self.request_ids.append(request.request_id if request is not None else "")
        if self.calls <= self.refuse:
            raise Unavailable("AWAY", "The trail is away.")
        self.taken.append((tenant_id, event))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.taken) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def working(sample: ServiceDatabase, trail: Trail, **handlers: Callable[[JobRun], Any]) -> AsyncIterator[None]:
    database = Database(sample.url)
    settings = RuntimeSettings(database_url=sample.url, drain_seconds=0)
    worker = Worker(settings, database, "sample", handlers, deliver=trail.deliver)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(task, 60)


async def waiting(database: Database) -> int:
    async with database.system_session() as session:
        return int((await session.execute(text("SELECT count(*) FROM procrastinate_jobs"))).scalar_one())


async def test_an_event_is_delivered_once_with_its_origin(
    sample: ServiceDatabase, database: Database, outbox: AuditOutbox, tenant_id: UUID
) -> None:
    metadata = [("x-forwarded-for", "203.0.113.9"), ("user-agent", "curl/8\x07"), ("x-request-id", "r-1")]
    current_request.set(read_request("sample", metadata))
    async with database.tenant_session(tenant_id) as session:
        await outbox.record(
            session, tenant_id=tenant_id, actor="ana", action="change", resource="things/1", details={"from": "ñ"}
        )
    trail = Trail()
    async with working(sample, trail):
        await trail.until(1)
        await until_empty(database)
    ((told_tenant, event),) = trail.taken
    assert told_tenant == tenant_id
    assert UUID(event["id"]).version == 7
    assert {key: value for key, value in event.items() if key != "id"} == {
        "time": "2026-03-04T05:06:07.890123+00:00",
        "actor": "ana",
        "action": "sample.change",
        "resource": "things/1",
        "outcome": "OK",
        "ip": "203.0.113.9",
        "user_agent": "curl/8",
        "request_id": "r-1",
        "details": {"from": "ñ"},
    }
    assert trail.request_ids == ["r-1"]


async def test_what_was_rolled_back_is_not_told(database: Database, outbox: AuditOutbox, tenant_id: UUID) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.tenant_session(tenant_id) as session:
            await outbox.record(session, tenant_id=tenant_id, actor="ana", action="change")
            raise ZeroDivisionError
    assert await waiting(database) == 0


async def test_an_event_waits_while_the_trail_is_away_and_no_job_waits_for_it(
    sample: ServiceDatabase, database: Database, outbox: AuditOutbox, tenant_id: UUID
) -> None:
    ran = asyncio.Event()

    async def note(run: JobRun) -> None:
        ran.set()

    queue = JobQueue(database, "sample", outbox)
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="ana")
    trail = Trail(refuse=2)
    async with working(sample, trail, note=note):
        await asyncio.wait_for(ran.wait(), 30)
        await trail.until(1)
    assert trail.calls == 3
    ((_, event),) = trail.taken
    assert (event["action"], event["resource"], event["actor"]) == ("sample.note", f"jobs/{job.id}", "ana")


async def test_a_job_that_takes_long_holds_no_event_up(
    sample: ServiceDatabase, database: Database, outbox: AuditOutbox, tenant_id: UUID
) -> None:
    told = asyncio.Event()

    async def note(run: JobRun) -> None:
        await told.wait()

    queue = JobQueue(database, "sample", outbox)
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="ana")
    trail = Trail()
    async with working(sample, trail, note=note):
        await trail.until(1)
        told.set()
        assert (await queue.wait(tenant_id, job.id, 30)).status == "SUCCEEDED"


async def test_an_event_of_a_killed_worker_is_delivered_by_the_next(
    sample: ServiceDatabase, database: Database, outbox: AuditOutbox, tenant_id: UUID
) -> None:
    async with database.tenant_session(tenant_id) as session:
        await outbox.record(session, tenant_id=tenant_id, actor="ana", action="change")
    async with database.system_session() as session:
        # As a worker leaves it that was killed between taking and ending it.
        await session.execute(
            text(
                "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') "
                "RETURNING id) UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
            )
        )
    trail = Trail()
    async with working(sample, trail):
        await trail.until(1)
        await until_empty(database)
    assert [event["action"] for _, event in trail.taken] == ["sample.change"]


async def test_cancelling_is_told_once_and_only_where_it_had_an_effect(
    sample: ServiceDatabase, database: Database, outbox: AuditOutbox, tenant_id: UUID
) -> None:
    queue = JobQueue(database, "sample", outbox)
    async with database.tenant_session(tenant_id) as session:
        job = await queue.enqueue(session, tenant_id=tenant_id, kind="note", payload={}, requested_by="ana")
    await queue.cancel(tenant_id, job.id, requested_by="eva")
    with pytest.raises(Exception, match="JOB_ENDED"):
        await queue.cancel(tenant_id, job.id, requested_by="eva")
    with pytest.raises(Exception, match="JOB_NOT_FOUND"):
        await queue.cancel(uuid4(), job.id, requested_by="eva")
    trail = Trail()
    async with working(sample, trail):
        await trail.until(2)
        await until_empty(database)
    assert sorted((event["action"], event["actor"], event["resource"]) for _, event in trail.taken) == [
        ("sample.cancel_job", "eva", f"jobs/{job.id}"),
        ("sample.note", "ana", f"jobs/{job.id}"),
    ]


async def test_a_queue_without_an_outbox_tells_nothing(database: Database, tenant_id: UUID) -> None:
    async with database.tenant_session(tenant_id) as session:
        await JobQueue(database, "sample").enqueue(
            session, tenant_id=tenant_id, kind="note", payload={}, requested_by=""
        )
    assert await waiting(database) == 1


async def test_delivery_passes_on_what_the_trail_raises(tenant_id: UUID) -> None:
    with pytest.raises(Unavailable):
        await AuditDelivery(Trail(refuse=1).deliver).run(str(tenant_id), {"action": "sample.change"})


def test_pauses_grow_to_five_minutes_and_never_end() -> None:
    assert [pause_seconds(attempts) for attempts in (0, 1, 2, 8, 9, 10_000)] == [1, 2, 4, 256, 300, 300]


async def until_empty(database: Database) -> None:
    async with asyncio.timeout(30):
        while await waiting(database):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
