"""The engine does on Trino what every engine must."""

from collections.abc import AsyncIterator

import pytest
from support.athena_backends import TrinoBackend
from support.athena_running import House, athena_settings
from support.athena_running import house as building
from support.athena_server import AthenaServer
from support.engine_suite import EngineSuite


@pytest.fixture(scope="module")
async def running(trino_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    athena = AthenaServer(TrinoBackend(trino_url))
    settings = athena_settings(tmp_path_factory.mktemp("house"), athena, analytics_query_timeout_seconds=300)
    async with building(settings) as house:
        yield house
    athena.close()


class TestTrino(EngineSuite):
    """Athena's API, Trino behind it."""
