"""A fresh database of the sample service, and what stands on it."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database
from service_runtime.jobs import JobQueue
from support.postgres import ServiceDatabase, database_for
from support.sample_rpcs import SampleServers
from support.tokens import TestIssuer


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


@pytest.fixture
def rpcs(issuer: TestIssuer) -> SampleServers:
    return SampleServers(issuer)
