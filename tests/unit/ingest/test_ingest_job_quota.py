"""A company has no more unfinished imports than its quota, and a refused one leaves nothing (T-11)."""

import asyncio
from collections import Counter
from pathlib import Path

import grpc
from ingest_service.config import Settings
from ingest_service.server import build_server
from service_runtime.database import Database
from service_runtime.errors import ResourceExhausted, ServiceError
from service_runtime.status import from_rpc_error
from support.ingest_running import IngestSuite, Tenant
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

QUOTA, AT_ONCE = 5, 30
FILE = "fecha,texto,likes\n2026-11-20,Abrimos en Cusco,120\n"


async def outcome(tenant: Tenant) -> str | ServiceError:
    try:
        return await tenant.upload(FILE, kind="posts", account="banco")
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error)


async def test_of_imports_at_once_as_many_pass_as_the_quota_has_room_for(
    ingest_settings: Settings, issuer: TestIssuer, tmp_path: Path
) -> None:
    # A database of its own, whose jobs nobody runs.
    own = database_for("ingest")
    database = Database(own.url)
    folders = {"atalaya_lake": f"file://{tmp_path / 'lake'}", "ingest_spool_folder": tmp_path / "spool"}
    async with socket_address() as address:
        more = {"listen_address": address, "database_url": own.url, "jobs_per_tenant": QUOTA, **folders}
        server = await build_server(ingest_settings.model_copy(update=more), verifier=issuer.verifier())
        async with running(server) as channel:
            suite = IngestSuite(channel, issuer, own, database, tmp_path / "lake")
            tenant, another = Tenant(suite), Tenant(suite)
            await tenant.add_account()
            await another.add_account()
            for _ in range(QUOTA - 1):
                await tenant.upload(FILE, kind="posts", account="banco")

            outcomes = await asyncio.gather(*(outcome(tenant) for _ in range(AT_ONCE)))

            [refusal] = Counter(str(each) for each in outcomes if not isinstance(each, str)).items()
            assert refusal[1] == AT_ONCE - 1
            error = next(each for each in outcomes if isinstance(each, ResourceExhausted))
            assert (error.reason, error.metadata["quota"], error.metadata["limit"]) == (
                "QUOTA_EXCEEDED",
                "unfinished_jobs",
                str(QUOTA),
            )
            assert len(list((tenant.lake / "imports").iterdir())) == QUOTA
            assert isinstance(await outcome(another), str)
    await database.close()
