"""Both engines answer alike: DuckDB in the process, and Athena by its API with DuckDB behind a stand-in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.athena_backends import DuckDbBackend
from support.athena_running import House, athena_settings, house as building
from support.athena_server import AthenaServer
from support.engine_suite import CLAIMS_CSV, CLAIMS_FILE, EngineSuite


@pytest.fixture(scope="module")
def athena() -> AsyncIterator[AthenaServer]:
    server = AthenaServer(DuckDbBackend())
    yield server
    server.close()


class TestBothEngines(EngineSuite):
    @pytest.fixture(params=["duckdb", "athena"])
    async def house(self, request: pytest.FixtureRequest, tmp_path: Path, athena: AthenaServer) -> AsyncIterator[House]:
        async with building(athena_settings(tmp_path, athena, analytics_engine=request.param)) as running:
            running.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
            yield running
