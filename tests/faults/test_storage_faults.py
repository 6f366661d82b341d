"""S3 that slows callers down, is away, is slow or cuts connections: what is acknowledged is there once and whole."""

import asyncio
import hashlib
import io
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from deltalake import DeltaTable
from ingest_service.config import Settings
from ingest_service.lake_check import LakeCheck
from ingest_service.lake_store import LakeStore
from ingest_service.new_id import new_id
from ingest_service.server import build_server
from ingest_service.worker import build_worker
from service_runtime.database import Database
from service_runtime.lake import Lake, tenant_lake
from service_runtime.status import from_rpc_error
from support import s3
from support.faulty_link import Behaviour, FaultyLink
from support.ingest_load import posts_file
from support.ingest_running import IngestSuite, Tenant
from support.ledger import Ledger, broken_rules
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from faults.conftest import Report

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED
FILES, ROWS = 6, 100
# More than goes up in one piece.
LARGE_BYTES = 9_000_000
MOST_ATTEMPTS = 5
FAULT_SECONDS = 4.0
FAULTS = {
    "s3 tells a third to slow down": Behaviour(slow_down=0.3),
    "s3 tells everybody to slow down": Behaviour(slow_down=1.0),
    "s3 is slow": Behaviour(latency=0.7),
    "s3 cuts uploads": Behaviour(reset=0.3),
}


class Stored:
    """The service on a bucket that is reached by a faulty link."""

    def __init__(self, suite: IngestSuite, settings: Settings, link: FaultyLink) -> None:
        self.suite = suite
        self.link = link
        # As the operator sees it, past the link.
        self._direct = settings.model_copy(update={"aws_endpoint_url": s3.endpoint()})

    def lake(self, tenant_id: UUID) -> Lake:
        return tenant_lake(self._direct, tenant_id)

    @property
    def bucket(self) -> str:
        return self._direct.atalaya_lake.removeprefix("s3://")


@pytest.fixture(scope="module")
async def stored(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> AsyncIterator[Stored]:
    own, folder = database_for("ingest"), tmp_path_factory.mktemp("s3")
    database = Database(own.url)
    async with socket_address() as address:
        with FaultyLink(s3.endpoint(), seed=1) as link:
            settings = Settings(
                database_url=own.url,
                atalaya_lake=f"s3://{s3.new_bucket()}",
                aws_endpoint_url=link.url,
                aws_access_key_id="k",
                aws_secret_access_key="s",
                ingest_spool_folder=folder / "spool",
                listen_address=address,
                drain_seconds=0,
            )
            worker = build_worker(settings, new_id)
            working = asyncio.create_task(worker.run())
            async with running(await build_server(settings, verifier=issuer.verifier())) as channel:
                yield Stored(IngestSuite(channel, issuer, own, database, folder), settings, link)
            worker.stop()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(working, 120)
    await database.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_acknowledged_is_there_once_and_whole_where(
    stored: Stored, report: "Report", tmp_path: Path, fault: str, seed: int
) -> None:
    tenant, ledger, chance = Tenant(stored.suite), Ledger(tmp_path / "ledger"), random.Random(seed)
    await tenant.add_account()
    behaviour = stored.link.behaviour = Behaviour(**{**vars(FAULTS[fault]), "requests": []})
    healing = asyncio.get_running_loop().call_later(FAULT_SECONDS, heal, stored.link)
    try:
        await asyncio.gather(*(import_posts(tenant, ledger, chance, number) for number in range(FILES)))
        await import_dataset(tenant, ledger, "small", b"a,b\n1,2\n")
        await import_dataset(tenant, ledger, "large", b"a,b\n" + b"1,2\n" * (LARGE_BYTES // 4))
        await asyncio.wait_for(settled(tenant, ledger), 300)
    finally:
        healing.cancel()
        heal(stored.link)
    report.fault(fault, ledger.operations())
    report.count("requests to s3 under faults", len(behaviour.requests))
    report.count("requests to s3 that met a fault", behaviour.faults)
    assert behaviour.faults or behaviour.latency
    await follows(stored, tenant)
    assert broken(stored, tenant, ledger) == []


def heal(link: FaultyLink) -> None:
    link.behaviour = Behaviour()


async def import_posts(tenant: Tenant, ledger: Ledger, chance: random.Random, number: int) -> None:
    rows = [f"{number}-{row}" for row in range(ROWS)]
    content = posts_file(rows, chance=chance)
    await upload(tenant, ledger, ledger.begin("posts", rows), content, kind="posts", account="banco")


async def import_dataset(tenant: Tenant, ledger: Ledger, name: str, content: bytes) -> None:
    # As it is stored, with all cells in quotes.
    there = content.replace(b"a,b", b'"a","b"').replace(b"1,2", b'"1","2"')
    operation = ledger.begin("dataset", [f"{name}:{hashlib.sha256(there).hexdigest()}"])
    await upload(tenant, ledger, operation, content, kind="dataset", dataset=f"faults/{name}")


async def upload(tenant: Tenant, ledger: Ledger, operation: int, content: bytes, **parameters: str) -> None:
    try:
        job = await tenant.upload(content, **parameters)
    except grpc.aio.AioRpcError as error:
        # A file that could not be brought to the lake has no job.
        reason = from_rpc_error(error).reason
        ledger.end(operation, "refused" if reason == "LAKE_UNAVAILABLE" else "unknown", reason=reason)
    else:
        ledger.end(operation, "accepted", job=job)


async def settled(tenant: Tenant, ledger: Ledger) -> None:
    """Waits for all jobs to end well, and tries those again that failed because the lake was away."""
    for operation in ledger.operations():
        if operation.end == "accepted":
            job = await tenant.ended(operation.facts["job"])
            while job.status == FAILED:
                assert job.code == "LAKE_UNAVAILABLE", job
                request = data_pb2.RetryJobRequest(job_id=job.job_id)
                await tenant.jobs.RetryJob(request, metadata=tenant.bearer())
                job = await tenant.ended(job.job_id)
            assert job.status == SUCCEEDED, job
            assert job.rows_read == job.rows_written + job.rows_unchanged + job.rows_rejected
            ledger.end(operation.number, "acked")


async def follows(stored: Stored, tenant: Tenant) -> None:
    """Waits until the lake equals the record."""
    check = LakeCheck(stored.suite.database, LakeStore(), stored.lake)
    async with asyncio.timeout(120):
        while left := await check.differences(tenant.tenant_id, stored.suite.lake_folder):
            print(left)
            await asyncio.sleep(0.2)


def broken(stored: Stored, tenant: Tenant, ledger: Ledger) -> list[str]:
    lake = stored.lake(tenant.tenant_id)
    posts = [each for each in ledger.operations() if each.kind == "posts"]
    tables = [each for each in ledger.operations() if each.kind == "dataset"]
    record = tenant.query("SELECT id_externo FROM posts WHERE tenant_id = {tenant}")
    files = lake.list("faults")
    return [
        *broken_rules(posts, [row["id_externo"] for row in record]),
        *broken_rules(posts, posts_of(lake)),
        *broken_rules(tables, [f"{name_of(each.path)}:{digest(lake, each.path)}" for each in files]),
        *parts_that_are_cut(lake),
    ]


def posts_of(lake: Lake) -> list[str]:
    if not lake.list("social/posts"):
        return []
    table = DeltaTable(lake.delta_url("social/posts"), storage_options=lake.storage_options)
    return [str(value) for value in table.to_pyarrow_table(columns=["id_externo"]).column(0).to_pylist()]


def parts_that_are_cut(lake: Lake) -> list[str]:
    """Gives the files of the table that cannot be read to their ends, whether the table knows them or not."""
    cut = []
    for found in lake.list("social/posts"):
        if found.path.endswith(".parquet"):
            try:
                pq.read_table(io.BytesIO(lake.read_bytes(found.path)))
            except (OSError, ValueError) as error:
                cut.append(f"{found.path}: {error}")
    return cut


def name_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".csv")


def digest(lake: Lake, path: str) -> str:
    return hashlib.sha256(lake.read_bytes(path)).hexdigest()


async def test_a_caller_is_told_soon_and_no_request_is_made_too_often(stored: Stored, report: "Report") -> None:
    tenant = Tenant(stored.suite)
    await tenant.add_account()
    await tenant.run(b"fecha,texto\n2024-01-05,a\n", kind="posts", account="banco")
    await follows(stored, tenant)
    stored.link.behaviour = behaviour = Behaviour(slow_down=1.0)
    try:
        began = asyncio.get_running_loop().time()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await tenant.upload(b"fecha,texto\n2024-01-05,b\n", kind="posts", account="banco")
        took = asyncio.get_running_loop().time() - began
        with pytest.raises(Exception, match=r"SlowDown|503|retries"):
            DeltaTable(
                stored.lake(tenant.tenant_id).delta_url("social/posts"),
                storage_options={
                    **stored.lake(tenant.tenant_id).storage_options,
                    "aws_endpoint": stored.link.url,
                },
            )
    finally:
        heal(stored.link)
    assert from_rpc_error(refused.value).reason == "LAKE_UNAVAILABLE"
    assert tenant.query("SELECT count(*) FROM imports WHERE tenant_id = {tenant}") == [{"count": 1}]
    # A job goes on trying for a minute; who uploads is told before.
    assert took < 45
    often = Counter(behaviour.requests).most_common(1)[0]
    report.fault("s3 tells everybody to slow down")
    report.count("longest row of attempts at one request", often[1])
    assert often[1] <= MOST_ATTEMPTS, often


async def test_no_upload_that_was_given_up_is_left_behind(stored: Stored, report: "Report") -> None:
    tenant = Tenant(stored.suite)
    stored.link.behaviour = Behaviour(reset=1.0)
    try:
        with pytest.raises(grpc.aio.AioRpcError):
            await tenant.upload(b"a,b\n" + b"1,2\n" * (LARGE_BYTES // 4), kind="dataset", dataset="faults/cut")
    finally:
        heal(stored.link)
    uploads = s3.client().list_multipart_uploads(Bucket=stored.bucket)
    assert "Uploads" not in uploads
    assert stored.lake(tenant.tenant_id).list("") == []
    report.fault("s3 cuts uploads")
