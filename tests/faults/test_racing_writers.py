"""Two writers of one object of the lake: one wins, and what is there is the winner's, as the record says."""

import asyncio
import hashlib
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service import worker as ingest_worker
from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.server import build_server
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database
from service_runtime.lake import Lake, StoredObject
from service_runtime.lake.local import LocalLake
from support.ingest_running import IngestSuite, Tenant
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from faults.conftest import Report

NAME, PATH = "faults/one", "faults/one/one.csv"
SUCCEEDED = job_pb2.JobStatus.SUCCEEDED
NOT_HEARD_OF = (
    "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id IN "
    "(SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing' AND task_name = 'run_job') RETURNING id"
)


@dataclass
class Gate:
    """Holds up who puts a slow table, before or after that, until it is opened; then says that it is through."""

    after: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    through: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        self.reached.set()
        assert self.opened.wait(150)


class GatedLake(LocalLake):
    """A lake whose writers may be held up before they write."""

    gate: Gate | None = None

    def put_over(self, source: Path, path: str, seen: StoredObject | None) -> StoredObject:
        gate = GatedLake.gate
        if gate is None or path != PATH or b"slow" not in source.read_bytes():
            return super().put_over(source, path, seen)
        try:
            if not gate.after:
                gate.hold()
            stored = super().put_over(source, path, seen)
            if gate.after:
                gate.hold()
            return stored
        finally:
            gate.through.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = GatedLake.gate = Gate()
    yield gate
    gate.opened.set()
    GatedLake.gate = None


@pytest.fixture
async def racing(
    postgres: EmbeddedPostgres, tmp_path: Path, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Tenant, Settings]]:
    """A service on a database of its own, whose workers write to a lake with a gate."""
    own = database_for("ingest")
    database = Database(own.url)

    def gated(settings: Settings, tenant_id: UUID) -> Lake:
        return GatedLake(tmp_path / "lake" / f"tenant={tenant_id}")

    monkeypatch.setattr(ingest_worker, "tenant_lake", gated)
    async with socket_address() as address:
        settings = Settings(
            database_url=own.url,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
            ingest_spool_folder=tmp_path / "spool",
            listen_address=address,
            drain_seconds=0,
        )
        async with running(await build_server(settings, verifier=issuer.verifier())) as channel:
            yield Tenant(IngestSuite(channel, issuer, own, database, tmp_path / "lake")), settings
    await database.close()


@asynccontextmanager
async def workers(settings: Settings, number: int) -> AsyncIterator[None]:
    made = [ingest_worker.build_worker(settings, new_id) for _ in range(number)]
    tasks = [asyncio.create_task(worker.run()) for worker in made]
    try:
        yield
    finally:
        for worker in made:
            worker.stop()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def table(word: str) -> bytes:
    return f'"a"\n"{word}"\n'.encode()


async def reached(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 120)


def record_and_lake(tenant: Tenant) -> tuple[bytes, str]:
    """Gives the lake's bytes, and the hash of the upload that the record says these are."""
    (known,) = tenant.query("SELECT sha256 FROM datasets WHERE tenant_id = {tenant}")
    return (tenant.lake / PATH).read_bytes(), known["sha256"]


@pytest.mark.parametrize("after", [False, True])
async def test_of_two_imports_of_one_table_the_record_knows_which_is_there(
    racing: tuple[Tenant, Settings], gate: Gate, report: "Report", after: bool, seed: int
) -> None:
    tenant, settings = racing
    gate.after = after
    slow = await tenant.upload(table("slow"), kind="dataset", dataset=NAME)
    async with workers(settings, 2):
        await reached(gate.reached)
        quick = await tenant.upload(table("quick"), kind="dataset", dataset=NAME)
        # The quick one may wait for the slow one, or be done before it: both are a turn of its own.
        with suppress(TimeoutError):
            await asyncio.wait_for(tenant.ended(quick), random.Random(seed).uniform(0, 3))
        gate.opened.set()
        ended = [await tenant.ended(job) for job in (slow, quick)]
    assert {job.status for job in ended} == {SUCCEEDED}, ended
    content, known = record_and_lake(tenant)
    assert content in (table("slow"), table("quick"))
    assert hashlib.sha256(content).hexdigest() == known
    report.count("fault: two writers race for one object")


@pytest.mark.parametrize("after", [False, True])
async def test_a_writer_that_lost_its_turn_does_not_write_over_the_next(
    racing: tuple[Tenant, Settings], gate: Gate, report: "Report", after: bool, seed: int
) -> None:
    tenant, settings = racing
    gate.after = after
    await asyncio.wait_for(first_import(tenant, settings), 120)
    slow = await tenant.upload(table("slow"), kind="dataset", dataset=NAME)
    async with workers(settings, 1):
        await reached(gate.reached)
        GatedLake.gate = None
        async with workers(settings, 1):
            await taken_again(tenant, slow)
            assert (await tenant.ended(slow)).status == SUCCEEDED
            quick = await tenant.run(table("quick"), kind="dataset", dataset=NAME)
            assert quick.status == SUCCEEDED
            await asyncio.sleep(random.Random(seed).random())
            gate.opened.set()
            await reached(gate.through)
    content, known = record_and_lake(tenant)
    assert hashlib.sha256(content).hexdigest() == known
    report.count("fault: two writers race for one object")


async def first_import(tenant: Tenant, settings: Settings) -> None:
    async with workers(settings, 1):
        assert (await tenant.run(table("first"), kind="dataset", dataset=NAME)).status == SUCCEEDED


async def taken_again(tenant: Tenant, job_id: str) -> None:
    """Lets the job's worker be taken for a dead one until another has begun the job."""
    async with asyncio.timeout(120):
        while (await tenant.queue.get(tenant.tenant_id, job_id)).attempt < 2:
            # In a thread: it may have to wait for the heartbeat of a worker of this process.
            await asyncio.to_thread(tenant.query, NOT_HEARD_OF)
            await asyncio.sleep(0.05)
