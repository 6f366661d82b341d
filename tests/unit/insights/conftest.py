"""The insights service on a real database and a lake on disk, with an ingest that knows some accounts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from atalaya.ingest.v1 import accounts_pb2_grpc
from atalaya.policies import rpc_policies
from insights_service.__main__ import build_server
from insights_service.config import Settings
from service_runtime.config import RuntimeSettings
from service_runtime.server import Server
from support import postgres
from support.insights_running import KnownAccounts, RunningInsights
from support.running import running, socket_address
from support.tokens import TestIssuer


@pytest.fixture(scope="module")
async def insights(issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningInsights]:
    """A running service; each test takes a tenant of its own."""
    lake: Path = tmp_path_factory.mktemp("lake")
    known = KnownAccounts()  # type: ignore[abstract]  # It answers one rpc of three.
    database = postgres.database_for("insights")
    async with socket_address() as ingest_address, socket_address() as address:
        ingest_settings = RuntimeSettings(listen_address=ingest_address)
        ingest = Server(ingest_settings, policies=rpc_policies(), verifier=issuer.verifier(), name="ingest")
        ingest.add(accounts_pb2_grpc.add_SocialAccountsServiceServicer_to_server, known)
        settings = Settings(
            listen_address=address,
            ingest_address=ingest_address,
            database_url=database.url,
            atalaya_lake=f"file://{lake}",
            posts_per_batch=50,
        )
        async with running(ingest), running(await build_server(settings, verifier=issuer.verifier())) as channel:
            yield RunningInsights(channel, issuer, lake, known, database)
