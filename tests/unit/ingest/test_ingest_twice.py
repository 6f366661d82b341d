"""Calls of ingest that are made twice, with an idempotency key and with page tokens that were made up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from atalaya.ingest.v1 import accounts_pb2, data_pb2, exports_pb2, records_pb2
from atalaya.jobs.v1 import job_pb2
from atalaya.policies import rpc_policies
from google.protobuf.timestamp_pb2 import Timestamp
from service_runtime.paging import PageTokens
from service_runtime.status import from_rpc_error
from support.ingest_exports import exports_of
from support.ingest_running import Tenant, messages
from support.running import refusal

FILE = b"fecha,texto\n2024-01-05,a\n"
PARAMETERS = {"kind": "posts", "account": "banco"}


def keyed(tenant: Tenant, key: str, role: str = "user") -> Any:
    return (*tenant.bearer(role), ("idempotency-key", key))


async def imported(tenant: Tenant, key: str, content: bytes = FILE, kind: str = "text/csv", **more: Any) -> str:
    """Sends a file and gives the job's id, or the reason why there is none."""
    call = tenant.data.ImportData(messages(content, kind, {**PARAMETERS, **more}), metadata=keyed(tenant, key))
    try:
        return (await call).job_id
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error).reason


@pytest.mark.slow
async def test_fifty_uploads_with_one_key_are_one_import(tenant: Tenant) -> None:
    await tenant.add_account()
    answers = Counter(await asyncio.gather(*(imported(tenant, "k") for _ in range(50))))
    answers.pop("IDEMPOTENCY_KEY_IN_USE", None)
    (job_id,) = answers
    assert (await tenant.ended(job_id)).rows_written == 1
    assert await imported(tenant, "k") == job_id
    assert tenant.query("SELECT count(*) AS n FROM imports WHERE tenant_id = {tenant}") == [{"n": 1}]


async def test_a_key_with_other_bytes_or_parameters_is_refused_and_another_tenants_is_its_own(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await imported(tenant, "k")
    assert await imported(tenant, "k", FILE + b"2024-01-06,b\n") == "IDEMPOTENCY_KEY_REUSED"
    assert await imported(tenant, "k", dry_run=True) == "IDEMPOTENCY_KEY_REUSED"
    other = Tenant(tenant.suite)
    await other.add_account()
    second = await imported(other, "k", FILE + b"2024-01-06,b\n")
    assert second.startswith("ingest/")
    assert second != first
    for owner, job_id in ((tenant, first), (other, second)):
        await owner.ended(job_id)


async def test_the_same_file_in_another_multipart_body_is_the_same_request(tenant: Tenant) -> None:
    await tenant.add_account()
    answers = []
    for boundary in ("one", "two"):
        part = 'content-disposition: form-data; name="f"; filename="posts.csv"'
        body = f"--{boundary}\r\n{part}\r\n\r\n{FILE.decode()}\r\n--{boundary}--\r\n"
        answers.append(await imported(tenant, "k", body.encode(), f"multipart/form-data; boundary={boundary}"))
    assert answers[0] == answers[1]
    await tenant.ended(answers[0])


async def test_a_refused_upload_leaves_its_key_free(tenant: Tenant) -> None:
    assert await imported(tenant, "k") == "ACCOUNT_FORBIDDEN"
    await tenant.add_account()
    await tenant.ended(await imported(tenant, "k"))


async def test_an_account_is_made_once(tenant: Tenant) -> None:
    request = accounts_pb2.CreateSocialAccountRequest(platform="csv", username="banco")
    first = await tenant.accounts.CreateSocialAccount(request, metadata=keyed(tenant, "k"))
    assert await tenant.accounts.CreateSocialAccount(request, metadata=keyed(tenant, "k")) == first
    # The control: without the key the name is taken.
    error = await refusal(tenant.accounts.CreateSocialAccount(request, metadata=tenant.bearer()))
    assert error.reason == "ACCOUNT_EXISTS"


async def test_a_post_a_reading_and_an_export_are_made_once(tenant: Tenant) -> None:
    await tenant.add_account()
    moment = Timestamp(seconds=1_700_000_000)
    metadata = keyed(tenant, "post")
    post = records_pb2.CreatePublicacionRequest(usuario="banco", contenido="a", fecha_publicacion=moment)
    made = await tenant.records.CreatePublicacion(post, metadata=metadata)
    assert await tenant.records.CreatePublicacion(post, metadata=metadata) == made
    metadata = keyed(tenant, "reading")
    reading = records_pb2.CreateMetricaRequest(usuario="banco", seguidores=7)
    read = await tenant.records.CreateMetrica(reading, metadata=metadata)
    assert await tenant.records.CreateMetrica(reading, metadata=metadata) == read
    metadata = keyed(tenant, "export")
    export = exports_pb2.CreateExportRequest(kind="posts", format="csv")
    asked = await exports_of(tenant).CreateExport(export, metadata=metadata)
    assert await exports_of(tenant).CreateExport(export, metadata=metadata) == asked
    assert len(await tenant.posts()) == 1
    assert tenant.query("SELECT count(*) AS n FROM metrics WHERE tenant_id = {tenant}") == [{"n": 1}]
    assert tenant.query("SELECT count(*) AS n FROM exports WHERE tenant_id = {tenant}") == [{"n": 1}]
    # Each has noted what it made in its own transaction, so that a crash before its answer would be told.
    named = tenant.query("SELECT resource FROM idempotency_keys WHERE tenant_id = {tenant} AND resource <> ''")
    assert len(named) == 3
    await tenant.ended(asked.job_id)


async def test_a_replay_is_queued_once(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run("fecha,texto,likes\n2024-01-05,a,-1\n", **PARAMETERS)
    request = data_pb2.ReplayRejectedRowsRequest(job_id=first.job_id)
    replay = await tenant.data.ReplayRejectedRows(request, metadata=keyed(tenant, "k"))
    assert (await tenant.data.ReplayRejectedRows(request, metadata=keyed(tenant, "k"))).job_id == replay.job_id
    await tenant.ended(replay.job_id)


def test_every_post_that_makes_something_takes_a_key() -> None:
    taking = {name.rpartition("/")[2] for name, policy in rpc_policies().items() if policy.idempotency_key}
    assert taking >= {
        "ImportData",
        "ReplayRejectedRows",
        "CreateExport",
        "CreatePublicacion",
        "CreateMetrica",
        "CreateSocialAccount",
        "CreateSource",
        "RunSource",
    }


async def test_an_import_that_went_well_is_not_tried_again(tenant: Tenant) -> None:
    job_id = await tenant.upload("a\n1\n", kind="dataset", dataset="a")
    await tenant.ended(job_id)
    again = data_pb2.RetryJobRequest(job_id=job_id)
    error = await refusal(tenant.jobs.RetryJob(again, metadata=tenant.bearer()))
    assert (error.reason, error.http_status) == ("JOB_NOT_ENDED", 409)


async def test_an_import_that_was_cancelled_is_tried_again_as_the_same_job(tenant: Tenant) -> None:
    account = await tenant.add_account()
    file = b"fecha,texto\n" + b"2024-01-05,a\n" * 20_000
    job_id = await tenant.upload(file, **PARAMETERS)
    stop = data_pb2.CancelJobRequest(job_id=job_id)
    await tenant.jobs.CancelJob(stop, metadata=tenant.bearer())
    assert (await tenant.ended(job_id)).status == job_pb2.JobStatus.CANCELLED
    assert await tenant.posts(account.username) == []
    again = await tenant.jobs.RetryJob(data_pb2.RetryJobRequest(job_id=job_id), metadata=tenant.bearer())
    assert (again.job_id, again.status) == (job_id, job_pb2.JobStatus.QUEUED)
    job = await tenant.ended(job_id)
    assert (job.status, job.rows_read, job.rows_written) == (job_pb2.JobStatus.SUCCEEDED, 20_000, 1)
    assert job.rows_per_second > 0
    assert not job.HasField("seconds_left")


async def test_a_viewer_may_not_try_a_job_again_and_another_tenant_finds_none(tenant: Tenant) -> None:
    job_id = await tenant.upload("a\n1\n", kind="dataset", dataset="a")
    again = data_pb2.RetryJobRequest(job_id=job_id)
    assert (await refusal(tenant.jobs.RetryJob(again, metadata=tenant.bearer("viewer")))).http_status == 403
    other = Tenant(tenant.suite)
    error = await refusal(other.jobs.RetryJob(again, metadata=other.bearer()))
    assert (error.reason, error.http_status) == ("JOB_NOT_FOUND", 404)
    await tenant.ended(job_id)


async def test_page_tokens_that_somebody_else_signed_are_refused(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run("fecha,texto\nx,a\n", **PARAMETERS)
    caller = tenant.bearer()

    def forged(position: object, **query: object) -> str:
        return PageTokens(b"a guess").encode(tenant.tenant_id, query, position)

    jobs = data_pb2.ListJobsRequest(page_token=forged(str(uuid4()), jobs="all", kind="", status=""))
    rejected = data_pb2.ListRejectedRowsRequest(job_id=first.job_id, page_token=forged(1, rejected=first.job_id))
    accounts = accounts_pb2.ListSocialAccountsRequest(page_token=forged("a", list="social-accounts"))
    calls: list[Awaitable[Any]] = [
        tenant.jobs.ListJobs(jobs, metadata=caller),
        tenant.data.ListRejectedRows(rejected, metadata=caller),
        tenant.accounts.ListSocialAccounts(accounts, metadata=caller),
    ]
    for call in calls:
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("BAD_PAGE_TOKEN", 400)


async def test_page_tokens_of_another_tenant_or_list_are_refused(tenant: Tenant) -> None:
    await tenant.add_account()
    for _ in range(2):
        await tenant.run("fecha,texto\nx,a\n", **PARAMETERS)
    page = data_pb2.ListJobsRequest(page_size=1)
    token = (await tenant.jobs.ListJobs(page, metadata=tenant.bearer())).next_page_token
    other = Tenant(tenant.suite)
    for whose, request in (
        (other, data_pb2.ListJobsRequest(page_token=token)),
        (tenant, data_pb2.ListJobsRequest(page_token=token, kind="import")),
        (tenant, data_pb2.ListJobsRequest(page_token="AAAA")),
    ):
        error = await refusal(tenant.jobs.ListJobs(request, metadata=whose.bearer()))
        assert (error.reason, error.http_status) == ("BAD_PAGE_TOKEN", 400)
    # The control: the list it was made for takes it.
    again = data_pb2.ListJobsRequest(page_token=token)
    assert len((await tenant.jobs.ListJobs(again, metadata=tenant.bearer())).jobs) == 1


@pytest.mark.parametrize("size", [-1, 1001, 2**31 - 1])
async def test_page_sizes_beyond_the_limits_are_refused(tenant: Tenant, size: int) -> None:
    caller = tenant.bearer()
    for call in (
        tenant.jobs.ListJobs(data_pb2.ListJobsRequest(page_size=size), metadata=caller),
        tenant.data.ListRejectedRows(
            data_pb2.ListRejectedRowsRequest(job_id="ingest/x", page_size=size), metadata=caller
        ),
        tenant.accounts.ListSocialAccounts(accounts_pb2.ListSocialAccountsRequest(page_size=size), metadata=caller),
    ):
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("INVALID_REQUEST", 422)
