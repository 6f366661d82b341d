"""Both engines answer alike: DuckDB in the process, and Athena by its API with DuckDB behind a stand-in."""

from collections.abc import AsyncIterator

import pytest
from support.athena_backends import DuckDbBackend
from support.athena_running import House, athena_settings
from support.athena_running import house as building
from support.athena_server import AthenaServer
from support.engine_suite import EngineSuite


@pytest.fixture(params=["duckdb", "athena"], scope="module")
async def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    athena = AthenaServer(DuckDbBackend())
    settings = athena_settings(tmp_path_factory.mktemp("house"), athena, query_engine=request.param)
    async with building(settings) as house:
        yield house
    athena.close()


class TestBothEngines(EngineSuite):
    """Once for each engine."""
