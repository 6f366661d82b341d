"""A fresh database of the sample service, and what stands on it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.jobs import JobQueue
from service_runtime.server import Server
from support.postgres import ServiceDatabase, database_for
from support.running import running, socket_address
from support.sample_rpcs import SamplePolicy, SampleServicer, SampleStub, add_to_server, policies
from support.tokens import TestIssuer

OPEN = SamplePolicy(public=True)


@pytest.fixture(scope="session")
def sample(postgres: EmbeddedPostgres) -> ServiceDatabase:
    return database_for("sample", package="support.sample_service")


@pytest.fixture
async def database(sample: ServiceDatabase) -> AsyncIterator[Database]:
    database = Database(sample.url)
    yield database
    await database.close()


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database, "sample")


@pytest.fixture
def tenant_id() -> UUID:
    return uuid4()


class Sample:
    """Starts servers with the sample rpcs."""

    def __init__(self, issuer: TestIssuer) -> None:
        self._issuer = issuer

    @asynccontextmanager
    async def serving(
        self, behave: Callable[[str], Awaitable[str]], policy: SamplePolicy = OPEN, **settings: Any
    ) -> AsyncIterator[SampleStub]:
        async with socket_address() as address:
            server = Server(
                RuntimeSettings(listen_address=address, **settings),
                policies=policies(policy),
                verifier=self._issuer.verifier(),
                name="sample",
            )
            server.add(add_to_server, SampleServicer(behave))
            async with running(server) as channel:
                stub = SampleStub(channel)
                stub.server = server
                yield stub


@pytest.fixture
def rpcs(issuer: TestIssuer) -> Sample:
    return Sample(issuer)
