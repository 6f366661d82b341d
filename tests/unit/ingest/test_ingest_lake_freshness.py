"""The lake's copy follows every change within five seconds and equals the record, whatever is killed on the way."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from atalaya.ingest.v1 import records_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_service.config import Settings
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_copy import LakeCopy
from ingest_service.lake_follower import LakeFollower
from ingest_service.lake_store import LakeStore
from ingest_service.spool import Spool
from local_suite.postgres import EmbeddedPostgres
from ml_service.lake_reader import LakeReader
from service_runtime.errors import Unavailable
from service_runtime.lake import StoredObject
from service_runtime.lake.local import LocalLake
from sqlalchemy import text
from support.ingest_records import WHEN, create, delete, lake_differences, lake_follows, update
from support.ingest_running import IngestSuite, Tenant
from support.sources_running import serving_sources, working
from support.tokens import TestIssuer
from support.workers import worker_process

pytestmark = pytest.mark.slow

# A worker that is killed is known to be dead after five seconds.
HEALED_SECONDS = 90


@pytest.fixture(scope="module")
async def without_worker(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer
) -> AsyncIterator[tuple[IngestSuite, Settings]]:
    """A service on a database of its own, so that only the workers of these tests copy to its lake."""
    async with serving_sources(issuer, tmp_path_factory.mktemp("freshness"), "", workers=False) as suite:
        yield suite, suite.settings


def environment(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
    }


async def test_every_change_is_read_by_ml_within_five_seconds(tenant: Tenant, ingest_settings: Settings) -> None:
    await tenant.add_account()
    reader = LakeReader(ingest_settings)

    def counts() -> list[list[int]]:
        return [[int(value) for value in row] for row in reader.post_counts(tenant.tenant_id, "banco")]

    post = await create(tenant, likes=1, comentarios=2, compartidos=3)
    await lake_follows(tenant)
    assert counts() == [[1, 2, 3]]
    await update(tenant, post.id, when=WHEN + timedelta(days=60), likes=9)
    await lake_follows(tenant)
    assert counts() == [[9, 0, 0]]
    assert [row["mes"] for row in tenant.lake_rows("social/posts")] == ["2024-07"]
    await delete(tenant, post.id)
    request = records_pb2.CreateMetricaRequest(usuario="banco", seguidores=77)
    await tenant.records.CreateMetrica(request, metadata=tenant.bearer())
    await lake_follows(tenant)
    assert counts() == []
    assert reader.readings(tenant.tenant_id, "banco").followers.tolist() == [77]


async def test_many_small_changes_are_copied_together(tenant: Tenant) -> None:
    await tenant.add_account()
    for number in range(60):
        await create(tenant, f"t{number}", WHEN + timedelta(days=number))
    await lake_follows(tenant)
    assert len(tenant.lake_rows("social/posts")) == 60
    # Without a pause there would be a version for nearly every change.
    assert tenant.lake_version("social/posts") <= 4


async def test_at_most_one_copy_is_queued_for_a_tenant(without_worker: tuple[IngestSuite, Settings]) -> None:
    tenant = Tenant(without_worker[0])
    await tenant.add_account()
    await asyncio.gather(*(create(tenant, f"t{number}") for number in range(10)))
    queued = tenant.query(
        "SELECT FROM procrastinate_jobs WHERE queue_name = 'ingest-lake' AND args->>'tenant_id' = {tenant}"
    )
    assert len(queued) == 1


async def test_what_changed_while_no_worker_was_there_is_copied_when_one_is(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, own = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    await create(tenant)
    told = await check_lake(own, tenant.tenant_id)
    assert told == (
        1,
        f"{tenant.tenant_id} social/posts banco/2024-05: lacks 1 rows of the record, has 0 others\n"
        "1 tenants were looked at; 1 partitions differ.\n",
    )
    async with working(own):
        await lake_follows(tenant)


async def test_the_check_finds_what_only_the_lake_has_and_looks_at_every_tenant(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, own = without_worker
    tenants = [Tenant(suite), Tenant(suite)]
    for tenant in tenants:
        await tenant.add_account()
        post = await create(tenant, likes=1)
        await lake_follower(suite, own).follow(tenant.tenant_id)
    # What nothing in the service does: a change that nobody notes.
    async with suite.database.tenant_session(tenants[1].tenant_id) as session:
        await session.execute(text("UPDATE posts SET likes = 2 WHERE id_publicacion = :id"), {"id": post.id})
    code, said = await check_lake(own, None)
    assert code == 1
    assert f"{tenants[1].tenant_id} social/posts banco/2024-05: lacks 1 rows of the record, has 1 others\n" in said
    assert str(tenants[0].tenant_id) not in said


async def check_lake(own: Settings, tenant_id: UUID | None) -> tuple[int, str]:
    words = ["check-lake", *(["--tenant", str(tenant_id)] if tenant_id else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ingest_service",
        *words,
        env={**os.environ, **environment(own)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


class GatedLake(LocalLake):
    """A lake that waits before it takes a table's file, until it is let."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.gate = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put_file(self, source: Path, path: str) -> StoredObject:
        self._loop.call_soon_threadsafe(self.reached.set)
        asyncio.run_coroutine_threadsafe(self.gate.wait(), self._loop).result(300)
        return super().put_file(source, path)


async def test_of_two_copies_that_race_the_one_that_lost_its_turn_writes_nothing(
    without_worker: tuple[IngestSuite, Settings], tmp_path: Path
) -> None:
    suite = without_worker[0]
    tenant = Tenant(suite)
    await tenant.add_account()
    post = await create(tenant, likes=1)
    slow = GatedLake(tenant.lake)
    late = asyncio.create_task(copy_posts(suite, tenant, slow, tmp_path))
    await asyncio.wait_for(slow.reached.wait(), 90)
    # The slow one's connection is cut, as when a paused worker comes back: its lock is gone, and another has its turn.
    tenant.query(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE locktype = 'advisory' AND d.datname = current_database()"
    )
    await update(tenant, post.id, likes=2)
    (tmp_path / "second").mkdir()
    await copy_posts(suite, tenant, LocalLake(tenant.lake), tmp_path / "second")
    assert await lake_differences(suite, tenant.tenant_id) == []
    slow.gate.set()
    with pytest.raises(Unavailable):
        await late
    assert [row["likes"] for row in tenant.lake_rows("social/posts")] == [2]
    assert await lake_differences(suite, tenant.tenant_id) == []


async def copy_posts(suite: IngestSuite, tenant: Tenant, lake: LocalLake, folder: Path) -> None:
    copy = LakeCopy(suite.database, LakeStore(), lambda _tenant_id: lake)
    async for _ in copy.bring_up_to_date(tenant.tenant_id, "posts", folder):
        pass


async def test_a_worker_killed_between_record_and_lake_heals(without_worker: tuple[IngestSuite, Settings]) -> None:
    suite, own = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    # A file where the table's folder should be: the copy cannot be done while this worker lives.
    tenant.lake.mkdir(parents=True, exist_ok=True)
    (tenant.lake / "social").write_text("")
    await create(tenant)
    async with worker_process("ingest_service", environment(own), "work") as process:
        async with asyncio.timeout(90):
            while tenant.query("SELECT FROM lake_copies WHERE tenant_id = {tenant} AND queued"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    (tenant.lake / "social").unlink()
    async with working(own):
        await lake_follows(tenant, HEALED_SECONDS)
    assert len(tenant.lake_rows("social/posts")) == 1


async def test_a_deleted_account_goes_from_the_lake_and_one_of_its_name_begins_anew(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, own = without_worker
    tenant = Tenant(suite)
    old = await tenant.add_account()
    await tenant.add_account("caja")
    follower = lake_follower(suite, own)
    await create(tenant, "old", when=WHEN)
    await create(tenant, "older", when=WHEN - timedelta(days=60))
    await create(tenant, "stays", usuario="caja")
    await follower.follow(tenant.tenant_id)
    await tenant.delete_account(old.id)
    # In the time before the copy another account takes the name, and has posts in one of the same months.
    new = await tenant.add_account()
    await create(tenant, "new", when=WHEN)
    await follower.follow(tenant.tenant_id)
    assert await lake_differences(suite, tenant.tenant_id) == []
    lake = sorted(
        (row["cuenta"], row["mes"], row["contenido"], row["id_usuario"]) for row in tenant.lake_rows("social/posts")
    )
    assert lake == [("banco", "2024-05", "new", new.id_usuario), ("caja", "2024-05", "stays", 2)]
    assert new.id_usuario == 3
    left = tenant.query("SELECT id_usuario, mes FROM lake_partitions WHERE tenant_id = {tenant} ORDER BY 1")
    assert left == [{"id_usuario": 2, "mes": "2024-05"}, {"id_usuario": 3, "mes": "2024-05"}]


async def test_files_that_were_replaced_do_not_stay_for_ever(
    without_worker: tuple[IngestSuite, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_service.lake_tables._CLEANED_EVERY", 4)
    monkeypatch.setattr("ingest_service.lake_tables._KEPT_HOURS", 0)
    tenant = Tenant(without_worker[0])
    await tenant.add_account()
    post = await create(tenant)
    for likes in range(9):
        await update(tenant, post.id, likes=likes + 1)
        await lake_follower(*without_worker).follow(tenant.tenant_id)
    assert [row["likes"] for row in tenant.lake_rows("social/posts")] == [9]
    assert len(list((tenant.lake / "social" / "posts").glob("*.parquet"))) < 5


def lake_follower(suite: IngestSuite, own: Settings) -> LakeFollower:
    copy = LakeCopy(suite.database, LakeStore(), lambda tenant_id: LocalLake(suite.lake_folder / f"tenant={tenant_id}"))
    return LakeFollower(suite.database, LakeChanges(), copy, Spool(own.ingest_spool_folder))


NUMBERS = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["create", "update", "import"]), NUMBERS, NUMBERS, NUMBERS),
        st.tuples(st.sampled_from(["delete", "copy", "delete_account"]), NUMBERS, st.just(0), st.just(0)),
    ),
    max_size=8,
)


async def act(tenant: Tenant, follower: LakeFollower, step: tuple[str, int, int, int]) -> None:
    """Does one thing to one of a few posts in one of a few months."""
    what, which, month, likes = step
    when = WHEN + timedelta(days=31 * month)
    if what == "create":
        await or_refused(create(tenant, f"t{which}", when, likes=likes))
    elif what == "update":
        await or_refused(update(tenant, which + 1, f"t{which}", when, likes=likes))
    elif what == "delete":
        await or_refused(delete(tenant, which + 1))
    elif what == "import":
        rows = "".join(f"{when.isoformat()},t{number},{likes}\n" for number in range(which + 1))
        await tenant.run(f"fecha,texto,likes\n{rows}", kind="posts", account="banco")
    elif what == "delete_account":
        [account] = (await tenant.account_list()).values()
        await tenant.delete_account(account)
        await tenant.add_account()
    else:
        await follower.follow(tenant.tenant_id)


async def or_refused(call: Awaitable[object]) -> None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        assert error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS), error


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(STEPS)
async def test_after_any_sequence_of_changes_the_lake_equals_the_record(
    ingest: IngestSuite, ingest_settings: Settings, steps: list[tuple[str, int, int, int]]
) -> None:
    tenant, follower = Tenant(ingest), lake_follower(ingest, ingest_settings)
    await tenant.add_account()
    for step in steps:
        await act(tenant, follower, step)
    await follower.follow(tenant.tenant_id)
    assert await lake_differences(ingest, tenant.tenant_id) == []
