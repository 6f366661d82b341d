"""The analytics service in this process, over a lake in a folder of the test."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from analytics_service.config import Settings
from analytics_service.server import build_server
from support.analytics_running import NOW, RunningAnalytics
from support.postgres import ServiceDatabase, database_for
from support.running import running, socket_address
from support.tokens import TestIssuer


@pytest.fixture
def clock() -> dict[str, datetime]:
    """What the service takes for the present; a test may move it."""
    return {"now": NOW}


@pytest.fixture(scope="session")
def analytics_database() -> ServiceDatabase:
    """One for all tests, each of which has a tenant of its own."""
    return database_for("analytics")


@pytest.fixture
async def analytics(
    tmp_path: Path, issuer: TestIssuer, clock: dict[str, datetime], analytics_database: ServiceDatabase
) -> AsyncIterator[RunningAnalytics]:
    """The running service, with a tenant of its own."""
    async with socket_address() as address:
        settings = Settings(
            listen_address=address,
            database_url=analytics_database.url,
            analytics_address=address,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
            analytics_cache_folder=tmp_path / "cache",
            auth_address=f"unix:{tmp_path}/nobody",
            ingest_address=f"unix:{tmp_path}/nobody",
            ml_address=f"unix:{tmp_path}/nobody",
            insights_address=f"unix:{tmp_path}/nobody",
            analytics_health_timeout_seconds=0.5,
            drain_seconds=0,
        )
        server = await build_server(settings, lambda: clock["now"], verifier=issuer.verifier())
        async with running(server) as channel:
            yield RunningAnalytics(channel, issuer, tmp_path / "lake", tmp_path / "cache", settings)
