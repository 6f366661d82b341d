"""Of a tenant that leaves, ingest keeps no record, no job, nothing in the lake; and what runs brings nothing back."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.server import build_server
from ingest_service.worker import build_worker
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database
from service_runtime.lake import StoredObject
from service_runtime.lake.local import LocalLake
from support.ingest_exports import exported
from support.ingest_running import IngestSuite, Tenant
from support.leaving import erase, left_of
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

pytestmark = pytest.mark.slow

POSTS = "fecha,texto,likes\n2026-01-05,uno,1\n2026-02-05,dos,2\n2026-02-06,tres,muchos\n"
COMMENTS = "post_id,text,created_at\np1,uno,2026-01-05\n"
METRICS = "fecha,seguidores\n2026-01-05,100\n2026-01-06,110\n"
TRANSACTIONS = "id_cuenta,fecha,monto\nC1,2026-01-05,50\n"


class HeldLake(LocalLake):
    """A lake that is slow where it matters: a table's file is put when somebody opens the gate."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.gate = threading.Event(), threading.Event()
        self.put: list[str] = []

    def put_file(self, source: Path, path: str) -> StoredObject:
        self.reached.set()
        assert self.gate.wait(60)
        self.put.append(path)
        return super().put_file(source, path)


@pytest.fixture
async def without_worker(
    postgres: EmbeddedPostgres, tmp_path: Path, issuer: TestIssuer
) -> AsyncIterator[tuple[IngestSuite, Settings]]:
    """A service on a database of its own, so that only this test's worker takes its jobs."""
    own = database_for("ingest")
    database = Database(own.url)
    async with socket_address() as address:
        settings = Settings(
            database_url=own.url,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
            ingest_spool_folder=tmp_path / "spool",
            listen_address=address,
            drain_seconds=0,
        )
        server = await build_server(settings, verifier=issuer.verifier())
        async with running(server) as channel:
            yield IngestSuite(channel, issuer, own, database, tmp_path / "lake"), settings
    await database.close()


async def fill(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco")
    await tenant.run(METRICS, kind="metrics", account="banco")
    await tenant.run(COMMENTS, kind="comments", account="banco")
    await tenant.run(TRANSACTIONS, kind="transactions")
    await tenant.run("a,b\n1,2\n", kind="dataset", dataset="mysql/claims")
    assert await exported(tenant, kind="posts", format="csv")


def lake_bytes(tenant: Tenant) -> dict[str, bytes]:
    files = [path for path in tenant.lake.rglob("*") if path.is_file()]
    return {str(path.relative_to(tenant.lake)): path.read_bytes() for path in files}


async def test_everything_of_a_tenant_goes_and_nothing_of_others(ingest: IngestSuite) -> None:
    leaving, staying = Tenant(ingest), Tenant(ingest)
    for tenant in (leaving, staying):
        await fill(tenant)
    database = ingest.service_database.name
    before, lake = left_of(database, leaving.tenant_id), lake_bytes(leaving)
    kept, kept_lake = left_of(database, staying.tenant_id), lake_bytes(staying)
    # Positive control: the look finds all that was brought in.
    assert before.keys() >= {"accounts", "posts", "metrics", "imports", "rejected_rows", "datasets", "jobs", "counters"}
    assert before.keys() >= {"comments", "exports", "lake_copies", "lake_partitions"}
    assert len(lake) >= 7

    reply = await erase(ingest.channel, ingest.issuer, leaving.tenant_id, "ingest")

    assert reply.rows > 10
    assert reply.objects == len(lake)
    assert left_of(database, leaving.tenant_id) == {}
    assert not leaving.lake.exists()
    assert left_of(database, staying.tenant_id) == kept
    assert lake_bytes(staying) == kept_lake
    again = await erase(ingest.channel, ingest.issuer, leaving.tenant_id, "ingest")
    assert (again.rows, again.objects) == (0, 0)


async def test_an_import_that_is_writing_to_the_lake_leaves_nothing(
    without_worker: tuple[IngestSuite, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    lake = HeldLake(tenant.lake)

    def held_lake(_settings: Settings, _tenant_id: UUID) -> HeldLake:
        return lake

    monkeypatch.setattr("ingest_service.worker.tenant_lake", held_lake)
    await tenant.add_account()
    await tenant.upload(POSTS, kind="posts", account="banco")
    worker = build_worker(settings, new_id)
    working = asyncio.create_task(worker.run())
    try:
        assert await asyncio.to_thread(lake.reached.wait, 60)
        erasing = asyncio.create_task(erase(suite.channel, suite.issuer, tenant.tenant_id, "ingest"))
        async with asyncio.timeout(30):
            while tenant.query("SELECT id FROM jobs WHERE tenant_id = {tenant}"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        lake.gate.set()
        await erasing
    finally:
        lake.gate.set()
        worker.stop()
        with suppress(asyncio.CancelledError):
            await working
    # Positive control: the import did write to the lake after its job was gone.
    assert [path for path in lake.put if path.startswith("social/posts/")]
    assert not tenant.lake.exists()
    assert left_of(suite.service_database.name, tenant.tenant_id) == {}
