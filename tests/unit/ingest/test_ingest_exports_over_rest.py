"""Downloads through a real Envoy: ranges, resuming, lengths and headers as browsers and tools know them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.server import build_server
from support.gateway_process import GatewayProcess
from support.ingest_exports import export
from support.ingest_running import IngestSuite, Tenant
from support.running import running, socket_address

pytestmark = pytest.mark.slow

ROWS = 6000


@pytest.fixture(scope="module")
async def url(
    ingest: IngestSuite, ingest_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The gateway before ingest alone; it finds no keys, so tokens are judged by the service."""
    async with socket_address() as address:
        settings = ingest_settings.model_copy(update={"listen_address": address})
        async with running(await build_server(settings, verifier=ingest.issuer.verifier())):
            gateway = GatewayProcess(tmp_path_factory.mktemp("gateway"), address.removeprefix("unix:"))
            await gateway.start()
            yield gateway.url
            gateway.stop()


@pytest.fixture(scope="module")
async def tenant(ingest: IngestSuite) -> Tenant:
    """A company with a post text that makes files of more than a megabyte."""
    tenant = Tenant(ingest)
    await tenant.add_account("banco ñ")
    lines = (f"2024-01-05T10:00:00Z,p{number},{'hola lima ' * 20}{number}" for number in range(ROWS))
    await tenant.run("\n".join(["fecha,id,texto", *lines]), kind="posts", account="banco ñ")
    return tenant


@pytest.fixture(scope="module")
async def file(tenant: Tenant) -> job_pb2.Job:
    return await export(tenant, kind="posts", format="csv", account="banco ñ")


@pytest.fixture
async def client(url: str, tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": dict(tenant.bearer("viewer"))["authorization"]}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        yield client


async def test_a_file_comes_whole_with_what_a_browser_wants(client: httpx.AsyncClient, file: job_pb2.Job) -> None:
    # Clients ask for compressed replies by themselves.
    assert "gzip" in client.headers["accept-encoding"]
    reply = await client.get(file.download_url)
    assert reply.status_code == 200
    assert len(reply.content) > 1_000_000
    assert hashlib.sha256(reply.content).hexdigest() == file.details["sha256"]
    assert reply.headers["content-length"] == file.details["bytes"]
    assert reply.headers["etag"] == f'"{file.details["sha256"]}"'
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-disposition"].endswith(".csv")
    assert "filename*=UTF-8''posts-banco-%C3%B1-" in reply.headers["content-disposition"]
    assert not {"content-encoding", "transfer-encoding", "x-content-length", "x-http-status"} & set(reply.headers)


async def test_a_download_that_was_cut_goes_on_where_it_ended(client: httpx.AsyncClient, file: job_pb2.Job) -> None:
    taken = b""
    async with client.stream("GET", file.download_url) as reply:
        etag = reply.headers["etag"]
        async for piece in reply.aiter_raw(4096):
            taken += piece
            if len(taken) > int(file.details["bytes"]) // 2:
                break
    rest = await client.get(file.download_url, headers={"range": f"bytes={len(taken)}-", "if-range": etag})
    size = int(file.details["bytes"])
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {len(taken)}-{size - 1}/{size}"
    assert int(rest.headers["content-length"]) == len(rest.content) == size - len(taken)
    assert "content-encoding" not in rest.headers
    assert hashlib.sha256(taken + rest.content).hexdigest() == file.details["sha256"]


async def test_ranges_are_answered_as_the_standard_says(client: httpx.AsyncClient, file: job_pb2.Job) -> None:
    size = int(file.details["bytes"])
    whole = (await client.get(file.download_url)).content
    for asked, status, content in (
        ("bytes=0-0", 206, whole[:1]),
        ("bytes=-5", 206, whole[-5:]),
        ("bytes=10-19,30-39", 200, whole),
        ("pages=1-2", 200, whole),
    ):
        reply = await client.get(file.download_url, headers={"range": asked})
        assert (reply.status_code, reply.content == content) == (status, True), asked
    changed = await client.get(file.download_url, headers={"range": "bytes=0-0", "if-range": '"older"'})
    assert (changed.status_code, len(changed.content)) == (200, size)
    beyond = await client.get(file.download_url, headers={"range": f"bytes={size}-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    assert beyond.json()["code"] == "BAD_RANGE"
    parameter = await client.get(file.download_url, params={"range": "bytes=3-5"})
    assert (parameter.status_code, parameter.content) == (206, whole[3:6])


async def test_head_tells_the_size(client: httpx.AsyncClient, file: job_pb2.Job) -> None:
    reply = await client.head(file.download_url)
    assert (reply.status_code, reply.headers["content-length"], reply.content) == (200, file.details["bytes"], b"")


async def test_errors_come_before_the_file(client: httpx.AsyncClient, tenant: Tenant) -> None:
    gone = await export(tenant, kind="posts", format="jsonl")
    (tenant.lake / "exports" / f"{gone.job_id.rpartition('/')[2]}.jsonl").unlink()
    reply = await client.get(gone.download_url)
    assert (reply.status_code, reply.json()["code"]) == (404, "EXPORT_EXPIRED")
    assert "content-disposition" not in reply.headers
    unknown = await client.get("/api/v1/data/exports/ingest/0197e0a5-6c1e-7d3a-9a44-2f6f0f5b7c10")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "JOB_NOT_FOUND")


async def test_an_export_is_asked_for_and_found_over_rest(client: httpx.AsyncClient, tenant: Tenant) -> None:
    asked = await client.post("/api/v1/data/export", json={"kind": "posts", "format": "xlsx", "account": "banco ñ"})
    assert (asked.status_code, asked.json()["status"]) == (202, "QUEUED")
    await tenant.ended(asked.json()["job_id"])
    job = (await client.get(f"/api/v1/jobs/{asked.json()['job_id']}")).json()
    reply = await client.get(job["download_url"])
    assert reply.content.startswith(b"PK")
    assert reply.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
