"""A file in the tenant's own lake is imported by its URI, and nothing else is read by one."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service.lake_source import path_in
from service_runtime.config import RuntimeSettings
from service_runtime.errors import InvalidArgument
from service_runtime.lake import tenant_lake
from support import s3
from support.ingest_running import Tenant, messages
from support.running import refusal

FILE = "fecha,texto\n2024-01-05,a\n2024-01-06,b\n"
PARAMETERS = {"kind": "posts", "account": "banco"}


def put(tenant: Tenant, path: str, content: str = FILE) -> str:
    """Puts a file into the tenant's lake as its operator would, and gives its URI."""
    target = tenant.lake / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
    return f"file://{target}"


def body(uri: object) -> bytes:
    return json.dumps({"source_uri": uri}).encode()


async def started(tenant: Tenant, uri: str) -> str:
    call = tenant.data.ImportData(messages(body(uri), "application/json", PARAMETERS), metadata=tenant.bearer())
    return (await call).job_id


async def refused(tenant: Tenant, content: bytes) -> tuple[str, int]:
    call = tenant.data.ImportData(messages(content, "application/json", PARAMETERS), metadata=tenant.bearer())
    error = await refusal(call)
    return error.reason, error.http_status


async def test_a_file_of_the_own_lake_is_imported_and_stays_there(tenant: Tenant) -> None:
    await tenant.add_account()
    uri = put(tenant, "incoming/posts.csv")
    job = await tenant.ended(await started(tenant, uri))
    assert (job.status, job.rows_written) == (job_pb2.JobStatus.SUCCEEDED, 2)
    assert (tenant.lake / "incoming/posts.csv").read_text() == FILE
    assert not list((tenant.lake / "imports").iterdir())


async def test_a_file_that_is_not_there_is_not_found(tenant: Tenant) -> None:
    await tenant.add_account()
    put(tenant, "incoming/posts.csv")
    for path in ("incoming/other.csv", "incoming"):
        assert await refused(tenant, body(f"file://{tenant.lake}/{path}")) == ("SOURCE_URI_NOT_FOUND", 404)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "file://{lake}/../tenant={other}/incoming/posts.csv",
        "file://{lake}/..%2ftenant={other}/incoming/posts.csv",
        "file://{lake}/incoming/%2e%2e/%2e%2e/tenant={other}/incoming/posts.csv",
        "file://{lake}/incoming//posts.csv",
        "file://{lake}//incoming/posts.csv",
        "file://{lake}/./incoming/posts.csv",
        "file://{lake}/incoming\\..\\posts.csv",
        "file://{lake}/incoming/posts.csv?x",
        "file://{lake}/incoming/posts.csv#x",
        "file://{lake}/incoming/posts.csv\0",
        "file://{lake}",
        "file://{lake}/",
        "file://{lake}x/posts.csv",
        "file://{folder}/tenant={other}/incoming/posts.csv",
        "file://{folder}/TENANT={own}/incoming/posts.csv",
        "file://{folder}/tenant\uff1d{own}/incoming/posts.csv",
        "file://localhost{lake}/incoming/posts.csv",
        "file://user@{lake}/incoming/posts.csv",
        "FILE://{lake}/incoming/posts.csv",
        "{lake}/incoming/posts.csv",
        "incoming/posts.csv",
        "s3://bucket/tenant={own}/incoming/posts.csv",
        "http://127.0.0.1:5432/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "gopher://0x7f000001/",
        "",
        # What ingest keeps there itself may be of accounts that the caller may not see.
        "file://{lake}/social/posts/part.parquet",
        "file://{lake}/imports/x.csv",
        "file://{lake}/EXPORTS/x.csv",
    ],
)
async def test_what_is_not_plainly_inside_the_own_lake_is_forbidden(tenant: Tenant, uri: str) -> None:
    await tenant.add_account()
    other = Tenant(tenant.suite)
    for each in (tenant, other):
        put(each, "incoming/posts.csv")
    folder = tenant.suite.lake_folder
    named = uri.format(lake=tenant.lake, folder=folder, other=other.tenant_id, own=tenant.tenant_id)
    assert await refused(tenant, body(named)) == ("SOURCE_URI_FORBIDDEN", 400)


async def test_a_link_out_of_the_lake_is_not_followed(tenant: Tenant, tmp_path: Path) -> None:
    await tenant.add_account()
    (tmp_path / "secret.csv").write_text(FILE)
    put(tenant, "incoming/posts.csv")
    (tenant.lake / "incoming/link.csv").symlink_to(tmp_path / "secret.csv")
    (tenant.lake / "linked").symlink_to(tmp_path)
    for path in ("incoming/link.csv", "linked/secret.csv"):
        assert await refused(tenant, body(f"file://{tenant.lake}/{path}")) == ("SOURCE_URI_FORBIDDEN", 400)


@pytest.mark.parametrize(
    ("content", "reason", "status"),
    [
        (b"{}", "UNSUPPORTED_FILE_TYPE", 415),
        (b"[" * 70_000, "UNSUPPORTED_FILE_TYPE", 415),
        (b"fecha,texto\n", "UNSUPPORTED_FILE_TYPE", 415),
        (body(7), "BAD_SOURCE_URI", 400),
        (b'{"source_uri": "file:///x", "kind": "posts"}', "BAD_SOURCE_URI", 400),
    ],
)
async def test_another_body_of_json_is_refused(tenant: Tenant, content: bytes, reason: str, status: int) -> None:
    await tenant.add_account()
    assert await refused(tenant, content) == (reason, status)


def test_in_a_bucket_only_the_tenants_own_prefix_is_reached() -> None:
    bucket, own, other = s3.new_bucket(), uuid4(), uuid4()
    settings = RuntimeSettings(
        atalaya_lake=f"s3://{bucket}/lake",
        aws_endpoint_url=s3.endpoint(),
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    lake = tenant_lake(settings, own)
    lake.put_bytes(b"x", "incoming/posts.csv")
    path = path_in(lake, f"s3://{bucket}/lake/tenant={own}/incoming/posts.csv")
    assert lake.read_bytes(path) == b"x"
    for uri in (
        f"s3://{bucket}/lake/tenant={other}/incoming/posts.csv",
        f"s3://{bucket}/lake/tenant={own}/../tenant={other}/incoming/posts.csv",
        f"s3://{bucket}x/lake/tenant={own}/incoming/posts.csv",
        f"s3://k:s@{bucket}/lake/tenant={own}/incoming/posts.csv",
        f"s3://{bucket}/tenant={own}/incoming/posts.csv",
        f"https://{bucket}.s3.amazonaws.com/lake/tenant={own}/incoming/posts.csv",
        f"file:///lake/tenant={own}/incoming/posts.csv",
    ):
        with pytest.raises(InvalidArgument, match="SOURCE_URI_FORBIDDEN"):
            path_in(lake, uri)
