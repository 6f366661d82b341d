"""A suite whose source is the embedded PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from local_suite.postgres import EmbeddedPostgres
from support import postgres as servers
from support.sources_running import (
    PostgresSource,
    SourcesSuite,
    SourceTenant,
    door,
    new_postgres_source,
    serving_sources,
)
from support.tokens import TestIssuer


@pytest.fixture(scope="module")
async def port(postgres: EmbeddedPostgres) -> AsyncIterator[int]:
    async with door(servers.server().socket_dir / ".s.PGSQL.5432") as port:
        yield port


@pytest.fixture(scope="module")
async def suite(issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory, port: int) -> AsyncIterator[SourcesSuite]:
    folder = tmp_path_factory.mktemp("sources")
    async with serving_sources(issuer, folder, f"127.0.0.1:{port}") as suite:
        yield suite


@pytest.fixture
def tenant(suite: SourcesSuite) -> SourceTenant:
    return SourceTenant(suite)


@pytest.fixture
def source(port: int) -> PostgresSource:
    made = new_postgres_source(port)
    made.run(
        "CREATE TABLE users (id int PRIMARY KEY, name text, changed timestamptz)",
        "INSERT INTO users SELECT n, 'user ' || n, '2026-01-01Z'::timestamptz + n * interval '1 day' "
        "FROM generate_series(1, 5) n",
    )
    return made
