"""Old jobs of ingest go with their imports and exports, unless something of theirs is still there to be had."""

import pytest
from atalaya.ingest.v1 import data_pb2, status_pb2
from ingest_service.ended_jobs_store import remove_ended
from service_runtime.jobs import EndedJobs
from support.ingest_exports import export
from support.ingest_running import Tenant

pytestmark = pytest.mark.slow

GOOD = "fecha,texto,likes\n2024-01-05,a,1\n"
BAD = "fecha,texto,likes\n2024-01-05,a,1\n2024-01-06,b,-2\n"
BANCO = {"kind": "posts", "account": "banco"}


async def kept(tenant: Tenant) -> list[str]:
    """Lets all that has ended be old and due to go; gives the jobs that stay."""
    # Of this tenant's jobs alone: other tests look at theirs.
    tenant.set_ended_jobs("finished_at = now() - interval '100 days'")
    await EndedJobs(tenant.suite.database, 90, remove_ended).run_once()
    jobs = await tenant.jobs.ListJobs(data_pb2.ListJobsRequest(page_size=100), metadata=tenant.bearer("viewer"))
    return sorted(job.job_id for job in jobs.jobs)


async def test_imports_go_but_the_newest_of_an_account_which_the_state_of_the_data_tells_of(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(GOOD, **BANCO)
    await tenant.run(GOOD, **BANCO, dry_run=True)
    failed = await tenant.run("texto\na\n", **BANCO)
    await tenant.run(GOOD, **BANCO, dry_run=True)
    assert await kept(tenant) == [failed.job_id]
    assert tenant.query("SELECT import_id::text AS id FROM imports WHERE tenant_id = {tenant}") == [
        {"id": failed.job_id.rpartition("/")[2]}
    ]
    state = await tenant.status.GetDataStatus(status_pb2.GetDataStatusRequest(), metadata=tenant.bearer())
    assert "fecha_publicacion" in state.accounts[0].error


async def test_an_import_and_its_replays_stay_as_long_as_its_rejected_rows(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **BANCO)
    request = data_pb2.ReplayRejectedRowsRequest(job_id=first.job_id)
    replay = (await tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer())).job_id
    await tenant.ended(replay)
    newest = (await tenant.run(GOOD, **BANCO)).job_id
    assert await kept(tenant) == sorted([first.job_id, replay, newest])
    assert [row.line for row in await tenant.rejected(replay)] == [3]
    tenant.query("DELETE FROM rejected_rows WHERE tenant_id = {tenant} RETURNING line")
    # A replay goes before its import, which the next look takes.
    assert await kept(tenant) == sorted([first.job_id, newest])
    assert await kept(tenant) == [newest]


async def test_an_export_stays_as_long_as_its_file(tenant: Tenant) -> None:
    await tenant.add_account()
    newest = (await tenant.run(GOOD, **BANCO)).job_id
    job = await export(tenant, kind="posts", format="csv")
    assert await kept(tenant) == sorted([newest, job.job_id])
    tenant.query("UPDATE exports SET removed = true WHERE tenant_id = {tenant} RETURNING export_id")
    assert await kept(tenant) == [newest]
    assert tenant.query("SELECT FROM exports WHERE tenant_id = {tenant}") == []
