"""What a killed worker, a lake that is away and a stopped job leave behind: everything or nothing, and never twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.export_rows_store import ExportRowsStore
from ingest_service.lake_copy import LakeCopy
from ingest_service.lake_store import LakeStore
from ingest_service.record_kinds import POST_RECORDS
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import driver_of
from service_runtime.lake import tenant_lake
from sqlalchemy import text
from support.ingest_exports import create_export, download
from support.ingest_running import IngestSuite, Tenant
from support.sources_running import serving_sources, working
from support.tokens import TestIssuer
from support.workers import worker_process

pytestmark = pytest.mark.slow

SUCCEEDED, CANCELLED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.CANCELLED


@pytest.fixture(scope="module")
async def without_worker(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer
) -> AsyncIterator[tuple[IngestSuite, Settings]]:
    """A service on a database of its own, so that only the workers of these tests take its jobs."""
    async with serving_sources(issuer, tmp_path_factory.mktemp("faults"), "", workers=False) as suite:
        yield suite, suite.settings


def environment(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        "INGEST_SPOOL_FOLDER": str(settings.ingest_spool_folder),
    }


def many_posts(rows: int) -> str:
    lines = (f"2024-{1 + n % 12:02d}-05 10:00:00,texto número {n},{n},p{n}" for n in range(rows))
    return "fecha,texto,likes,id\n" + "\n".join(lines) + "\n"


async def until(tenant: Tenant, job_id: str, progress: float) -> job_pb2.Job:
    async with asyncio.timeout(60):
        while True:
            job = await tenant.jobs.GetJob(data_pb2.GetJobRequest(job_id=job_id), metadata=tenant.bearer())
            if job.progress >= progress:
                return job
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("progress", [0.1, 0.5, 0.8])
async def test_a_worker_killed_in_the_middle_leaves_an_exact_result(
    without_worker: tuple[IngestSuite, Settings], progress: float
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    job_id = await tenant.upload(many_posts(60_000), kind="posts", account="banco", timezone="UTC")
    async with worker_process("ingest_service", environment(settings), "work") as process:
        await until(tenant, job_id, progress)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with working(settings):
        job = await tenant.ended(job_id)
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 60_000, 60_000, 0), job
    kept = tenant.query("SELECT clave, likes, id_publicacion FROM posts WHERE tenant_id = {tenant}")
    lake = tenant.lake_rows("social/posts")
    assert len(kept) == len(lake) == 60_000
    assert {(row["clave"], row["likes"], row["id_publicacion"]) for row in kept} == {
        (row["clave"], row["likes"], row["id_publicacion"]) for row in lake
    }
    assert {row["clave"] for row in kept} == {f"p{n}" for n in range(60_000)}


async def test_a_lake_that_is_away_is_caught_up_with_when_it_is_back(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    job_id = await tenant.upload(many_posts(10), kind="posts", account="banco")
    # A file where the table's folder should be: nothing can be written there.
    in_the_way = tenant.lake / "social"
    in_the_way.write_text("")
    async with working(settings):
        async with asyncio.timeout(60):
            while not tenant.query("SELECT FROM posts WHERE tenant_id = {tenant}"):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.02)
        in_the_way.unlink()
        job = await tenant.ended(job_id)
    assert (job.status, job.rows_written, job.rows_unchanged) == (SUCCEEDED, 10, 0), job
    assert len(tenant.lake_rows("social/posts")) == 10


async def test_a_cancelled_import_writes_nothing(without_worker: tuple[IngestSuite, Settings]) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    job_id = await tenant.upload(many_posts(60_000), kind="posts", account="banco")
    async with working(settings):
        await until(tenant, job_id, 0.05)
        await tenant.jobs.CancelJob(data_pb2.CancelJobRequest(job_id=job_id), metadata=tenant.bearer())
        job = await tenant.ended(job_id)
    assert job.status == CANCELLED
    assert tenant.query("SELECT count(*) FROM posts WHERE tenant_id = {tenant}") == [{"count": 0}]


async def test_what_was_recorded_but_not_copied_comes_with_the_next_copy(
    without_worker: tuple[IngestSuite, Settings], tmp_path: Path
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    async with working(settings):
        await tenant.run(many_posts(24), kind="posts", account="banco", timezone="UTC")
    # As a change would leave it whose worker died before the copy.
    async with suite.database.tenant_session(tenant.tenant_id) as session:
        await session.execute(text("UPDATE posts SET likes = 777 WHERE clave = 'p3'"))
        await session.execute(text("DELETE FROM posts WHERE clave IN ('p4', 'p16')"))
        await session.execute(
            text("UPDATE lake_partitions SET changed = changed + 1 WHERE mes IN ('2024-04', '2024-05')")
        )
    copy = LakeCopy(suite.database, LakeStore(), lambda tenant_id: tenant_lake(settings, tenant_id))
    before = tenant.lake_version("social/posts")
    assert [done async for done in copy.bring_up_to_date(tenant.tenant_id, "posts", tmp_path)]
    assert [done async for done in copy.bring_up_to_date(tenant.tenant_id, "posts", tmp_path)] == []
    assert tenant.lake_version("social/posts") == before + 1
    lake = {row["clave"]: row["likes"] for row in tenant.lake_rows("social/posts")}
    assert lake == {f"p{n}": 777 if n == 3 else n for n in range(24) if n not in (4, 16)}


async def test_two_imports_at_once_give_every_post_a_number_of_its_own(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    files = [many_posts(2000), many_posts(3000), many_posts(2500)]
    jobs = [await tenant.upload(file, kind="posts", account="banco") for file in files]
    async with working(settings), working(settings):
        ended = [await tenant.ended(job_id) for job_id in jobs]
    assert sum(job.rows_written for job in ended) == 3000
    numbers: list[Any] = tenant.query("SELECT id_publicacion FROM posts WHERE tenant_id = {tenant} ORDER BY 1")
    assert [row["id_publicacion"] for row in numbers] == list(range(1, 3001))
    assert len(tenant.lake_rows("social/posts")) == 3000


async def test_two_imports_at_once_may_create_the_same_accounts(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    file = "cuenta,fecha,texto\n" + "".join(f"c{n},2024-01-05,a\n" for n in range(30))
    jobs = [await tenant.upload(file, kind="posts", account_column="cuenta", create_accounts=True) for _ in range(2)]
    async with working(settings), working(settings):
        ended = [await tenant.ended(job_id) for job_id in jobs]
    assert sorted(job.rows_written for job in ended) == [0, 30], ended
    assert tenant.query("SELECT count(*) FROM accounts WHERE tenant_id = {tenant}") == [{"count": 30}]


async def test_an_import_that_is_not_accepted_leaves_no_file(without_worker: tuple[IngestSuite, Settings]) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite, tenant_id=uuid4())
    # A worker that was stopped when its job had just ended may have left one.
    before = {*settings.ingest_spool_folder.glob("spool-*")}
    with suppress(Exception):
        await tenant.upload(b"", kind="posts", account="nobody")
    assert not tenant.lake.exists()
    assert {*settings.ingest_spool_folder.glob("spool-*")} <= before


async def test_an_export_waits_for_the_lake_and_survives_its_worker(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    async with working(settings):
        await tenant.run(many_posts(10), kind="posts", account="banco")
    # A file where the folder should be: nothing can be written there.
    (tenant.lake / "exports").write_bytes(b"")
    async with working(settings):
        job_id = await create_export(tenant, kind="posts", format="csv")
        async with asyncio.timeout(30):
            while (await tenant.queue.get(tenant.tenant_id, job_id)).attempt < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        (tenant.lake / "exports").unlink()
        job = await tenant.ended(job_id)
    assert (job.status, job.rows_written) == (SUCCEEDED, 10)
    assert len((await download(tenant, job_id)).splitlines()) == 11
    assert len(list((tenant.lake / "exports").iterdir())) == 1


async def test_a_full_disk_is_told_and_leaves_the_connections_usable(
    without_worker: tuple[IngestSuite, Settings],
) -> None:
    suite, settings = without_worker
    tenant = Tenant(suite)
    await tenant.add_account()
    async with working(settings):
        await tenant.run(many_posts(5_000), kind="posts", account="banco")
    for _ in range(6):
        with pytest.raises(OSError, match="No space left"):
            async with suite.database.tenant_session(tenant.tenant_id) as session:
                driver = driver_of(session)
                columns = ["contenido"]
                await ExportRowsStore().copy(driver, POST_RECORDS, columns, [1], (None, None), Path("/dev/full"))
    assert len(await tenant.posts()) == 5_000
