"""At night goes what nobody can need any more, and nothing else."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.clean_up import CleanUp, Retention
from ingest_service.clean_up_store import CleanUpStore
from service_runtime.lake.local import LocalLake
from support.ingest_exports import export
from support.ingest_running import Tenant
from support.running import refusal

FAILED = job_pb2.JobStatus.FAILED
RETENTION = Retention(files=timedelta(days=30), rejected_rows=timedelta(days=90))
BAD = "fecha,texto,likes\n2024-01-05,a,1\n2024-01-06,b,-2\n"


async def clean(tenant: Tenant, days: float) -> datetime:
    """Does a clean-up so many days from now; gives that moment."""
    moment = datetime.now(UTC) + timedelta(days=days)
    lake = LocalLake(tenant.lake)
    await CleanUp(tenant.suite.database, CleanUpStore(), lambda _: lake, RETENTION, lambda: moment).clean(
        tenant.tenant_id
    )
    return moment


def files(tenant: Tenant, folder: str = "imports") -> list[str]:
    return sorted(path.name for path in (tenant.lake / folder).glob("*"))


def queued(tenant: Tenant) -> list[datetime]:
    rows = tenant.query(
        "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'clean_up' "
        "AND args->>'tenant_id' = {tenant}::text ORDER BY scheduled_at"
    )
    return [row["scheduled_at"] for row in rows]


async def retried(tenant: Tenant, job_id: str) -> job_pb2.Job:
    await tenant.jobs.RetryJob(data_pb2.RetryJobRequest(job_id=job_id), metadata=tenant.bearer())
    return await tenant.ended(job_id)


async def test_it_is_queued_once_for_two_in_the_morning_where_the_tenant_is(tenant: Tenant) -> None:
    await tenant.add_account()
    for _ in range(3):
        await tenant.run(BAD, kind="posts", account="banco")
    (moment,) = queued(tenant)
    local = moment.astimezone(ZoneInfo(tenant.timezone))
    assert abs(local - local.replace(hour=2, minute=0, second=0, microsecond=0)) < timedelta(seconds=30)
    assert timedelta() < moment - datetime.now(UTC) <= timedelta(hours=25)


async def test_of_two_clean_ups_one_queues_the_next(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(BAD, kind="posts", account="banco")
    await asyncio.gather(clean(tenant, 1), clean(tenant, 1))
    assert len(queued(tenant)) == 2
    (state,) = tenant.query("SELECT due_at FROM clean_ups WHERE tenant_id = {tenant}")
    assert state["due_at"].astimezone(ZoneInfo(tenant.timezone)).hour == 2
    assert timedelta(days=1) < state["due_at"] - datetime.now(UTC) < timedelta(days=2, hours=1)


async def test_one_that_comes_before_its_time_does_nothing(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run("x\n1\n", kind="posts", account="banco")
    await clean(tenant, 40)
    await tenant.run("x\n2\n", kind="posts", account="banco")
    await clean(tenant, 39)
    assert len(files(tenant)) == 1
    assert len(queued(tenant)) == 2


async def test_the_file_of_a_failed_import_stays_for_its_time_and_then_the_import_says_so(tenant: Tenant) -> None:
    await tenant.add_account()
    failed = await tenant.run("texto\na\n", kind="posts", account="banco")
    assert (failed.status, failed.code) == (FAILED, "COLUMN_MISSING")
    name = f"{failed.job_id.rpartition('/')[2]}.csv"
    await clean(tenant, 29)
    assert files(tenant) == [name]
    assert (await retried(tenant, failed.job_id)).code == "COLUMN_MISSING"
    await clean(tenant, 31)
    assert files(tenant) == []
    again = await retried(tenant, failed.job_id)
    assert (again.status, again.code) == (FAILED, "UPLOAD_EXPIRED")


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING"])
async def test_the_file_of_an_import_that_waits_or_runs_stays_however_old_it_is(tenant: Tenant, status: str) -> None:
    await tenant.add_account()
    failed = await tenant.run("texto\na\n", kind="posts", account="banco")
    tenant.set_job(failed.job_id, f"status = '{status}', finished_at = NULL")
    await clean(tenant, 3000)
    assert len(files(tenant)) == 1


async def test_what_killed_processes_left_goes_and_what_others_put_there_stays(tenant: Tenant) -> None:
    await tenant.add_account()
    done = await tenant.run(BAD, kind="posts", account="banco")
    ours = tenant.lake / "imports"
    left = [ours / f"{done.job_id.rpartition('/')[2]}.csv", ours / f"{uuid4()}.csv", ours / "notes.txt"]
    other = tenant.lake.parent / f"tenant={uuid4()}" / "imports" / f"{uuid4()}.csv"
    beside = tenant.lake / "ventas" / f"{uuid4()}.csv"
    for path in [*left, other, beside, tenant.lake / "exports" / f"{uuid4()}.csv"]:
        put(path)
    await clean(tenant, 0.9)
    # Its job is done; the second may be an upload that is about to be known.
    assert files(tenant) == sorted(path.name for path in left[1:])
    await clean(tenant, 2)
    assert (files(tenant), files(tenant, "exports")) == (["notes.txt"], [])
    assert other.exists()
    assert beside.exists()


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n")


async def test_rejected_rows_stay_for_their_time_and_then_the_service_says_so(tenant: Tenant) -> None:
    await tenant.add_account()
    done = await tenant.run(BAD, kind="posts", account="banco")
    await clean(tenant, 89)
    assert [row.line for row in await tenant.rejected(done.job_id)] == [3]
    await clean(tenant, 91)
    replay = data_pb2.ReplayRejectedRowsRequest(job_id=done.job_id)
    calls: list[Awaitable[Any]] = [
        tenant.rejected(done.job_id),
        first_piece(tenant, done.job_id),
        tenant.data.ReplayRejectedRows(replay, metadata=tenant.bearer()),
    ]
    for call in calls:
        assert (await refusal(call)).reason == "REJECTED_ROWS_EXPIRED"
    assert tenant.query("SELECT FROM rejected_rows WHERE tenant_id = {tenant}") == []
    assert (await tenant.ended(done.job_id)).rows_rejected == 1


async def first_piece(tenant: Tenant, job_id: str) -> bytes:
    request = data_pb2.DownloadRejectedRowsRequest(job_id=job_id)
    async for part in tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer()):
        return bytes(part.data)
    return b""


async def test_a_replay_keeps_the_rows_and_its_corrections_go_with_them(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, kind="posts", account="banco", on_error="fail")
    wrong = data_pb2.RowCorrection(line=3, values={"likes": "-9"})
    request = data_pb2.ReplayRejectedRowsRequest(job_id=first.job_id, corrections=[wrong])
    replay = await tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer())
    await tenant.ended(replay.job_id)
    tenant.set_job(first.job_id, "finished_at = now() - interval '60 days'")
    await clean(tenant, 89)
    assert len(await tenant.rejected(first.job_id)) == 1
    await clean(tenant, 92)
    assert tenant.query("SELECT FROM imports WHERE tenant_id = {tenant} AND corrections IS NOT NULL") == []
    assert (await retried(tenant, replay.job_id)).code == "REJECTED_ROWS_EXPIRED"


async def test_the_file_of_an_export_goes_when_its_time_is_over_whatever_became_of_the_task(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(BAD, kind="posts", account="banco")
    await export(tenant, kind="posts", format="csv")
    assert len(files(tenant, "exports")) == 1
    await clean(tenant, 0.95)
    assert len(files(tenant, "exports")) == 1
    await clean(tenant, 2.5)
    assert files(tenant, "exports") == []
