"""A running ingest service with its worker, on a lake on disk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from atalaya.analytics.v1 import jobs_pb2_grpc as analytics_jobs_pb2_grpc
from atalaya.ml.v1 import jobs_pb2_grpc as ml_jobs_pb2_grpc
from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.server import build_server
from ingest_service.worker import build_worker
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database
from support.ingest_running import AnalyticsJobs, IngestSuite, MlJobs, Tenant
from support.postgres import ServiceDatabase, database_for
from support.running import running, socket_address
from support.tokens import TestIssuer


@pytest.fixture(scope="session")
def ingest_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ingest")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ingest_database(postgres: EmbeddedPostgres) -> ServiceDatabase:
    return database_for("ingest")


@pytest.fixture(scope="session")
async def ml_jobs() -> AsyncIterator[tuple[MlJobs, str]]:
    """Stands for ml, which ListJobs asks."""
    servicer = MlJobs()  # type: ignore[abstract]
    async with socket_address() as address:
        server = grpc.aio.server()
        ml_jobs_pb2_grpc.add_JobsServiceServicer_to_server(servicer, server)
        server.add_insecure_port(address)
        await server.start()
        yield servicer, address
        await server.stop(None)


@pytest.fixture(scope="session")
async def analytics_jobs() -> AsyncIterator[tuple[AnalyticsJobs, str]]:
    """Stands for analytics, which ListJobs asks too."""
    servicer = AnalyticsJobs()  # type: ignore[abstract]
    async with socket_address() as address:
        server = grpc.aio.server()
        analytics_jobs_pb2_grpc.add_JobsServiceServicer_to_server(servicer, server)
        server.add_insecure_port(address)
        await server.start()
        yield servicer, address
        await server.stop(None)


@pytest.fixture(scope="session")
def ingest_settings(
    ingest_folder: Path,
    ingest_database: ServiceDatabase,
    ml_jobs: tuple[MlJobs, str],
    analytics_jobs: tuple[AnalyticsJobs, str],
) -> Settings:
    return Settings(
        database_url=ingest_database.url,
        atalaya_lake=f"file://{ingest_folder / 'lake'}",
        ingest_spool_folder=ingest_folder / "spool",
        ml_address=ml_jobs[1],
        analytics_address=analytics_jobs[1],
        drain_seconds=0,
    )


@pytest.fixture(scope="session")
async def ingest(
    ingest_settings: Settings, ingest_database: ServiceDatabase, ingest_folder: Path, issuer: TestIssuer
) -> AsyncIterator[IngestSuite]:
    """The service with one worker in this process."""
    worker = build_worker(ingest_settings, new_id)
    working = asyncio.create_task(worker.run())
    database = Database(ingest_database.url)
    async with socket_address() as address:
        settings = ingest_settings.model_copy(update={"listen_address": address})
        server = await build_server(settings, verifier=issuer.verifier())
        async with running(server) as channel:
            yield IngestSuite(channel, issuer, ingest_database, database, ingest_folder / "lake")
    await database.close()
    worker.stop()
    with suppress(asyncio.CancelledError):
        await working


@pytest.fixture
def new_tenant(ingest: IngestSuite) -> Callable[[], Tenant]:
    """Makes companies."""
    return lambda: Tenant(ingest)


@pytest.fixture
def tenant(new_tenant: Callable[[], Tenant]) -> Tenant:
    """A company without accounts."""
    return new_tenant()
