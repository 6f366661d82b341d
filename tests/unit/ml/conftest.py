"""A running ml service with its worker, on a lake on disk."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from atalaya.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from atalaya.ingest.v1.accounts_pb2_grpc import add_SocialAccountsServiceServicer_to_server
from ml_service.__main__ import build_server, build_worker
from ml_service.config import Settings
from ml_service.renewal import Renewal
from support.ml_suite import Company, OtherServices, Suite
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer


@pytest.fixture(scope="session")
def lake_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("lake")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def others(issuer: TestIssuer) -> AsyncIterator[tuple[OtherServices, str]]:
    servicer = OtherServices(issuer)  # type: ignore[abstract]  # It serves the two rpcs that ml calls.
    async with socket_address() as address:
        server = grpc.aio.server()
        add_SocialAccountsServiceServicer_to_server(servicer, server)
        add_AuthServiceServicer_to_server(servicer, server)
        server.add_insecure_port(address)
        await server.start()
        yield servicer, address
        await server.stop(None)


@pytest.fixture(scope="session")
def ml_settings(lake_folder: Path, others: tuple[OtherServices, str]) -> Settings:
    return Settings(
        database_url=database_for("ml").url,
        atalaya_lake=f"file://{lake_folder}",
        auth_address=others[1],
        ingest_address=others[1],
        training_wait_seconds=25,
    )


@pytest.fixture(scope="session")
async def suite(ml_settings: Settings, others: tuple[OtherServices, str]) -> AsyncIterator[Suite]:
    """The service with one worker, whose first training need not import anything, so that no test waits for that."""
    importlib.import_module("ml_service.training.forecast_training")
    importlib.import_module("sklearn.ensemble")
    importlib.import_module("sklearn.cluster")
    importlib.import_module("skl2onnx")
    worker = build_worker(ml_settings, Renewal(0))
    working = asyncio.create_task(worker.run())
    async with socket_address() as address:
        settings = ml_settings.model_copy(update={"listen_address": address})
        async with running(await build_server(settings)) as channel:
            yield Suite(channel, settings, others[0])
    worker.stop()
    await asyncio.wait_for(working, 30)


@pytest.fixture
def company(issuer: TestIssuer, ml_settings: Settings, others: tuple[OtherServices, str]) -> Company:
    """A new tenant that may see the accounts `banco` and `caja`."""
    company = Company(issuer, ml_settings)
    others[0].accounts[str(company.tenant_id)] = ["banco", "caja"]
    return company
