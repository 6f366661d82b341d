"""A Trino server behind the stand-in for Athena's API."""

from collections.abc import Iterator

import pytest
from support import trino
from support.athena_backends import TrinoBackend
from support.athena_server import AthenaServer


@pytest.fixture(scope="session")
def trino_url() -> str:
    """The server's URL; without a server the tests are left out, and say so."""
    if not trino.is_installed():
        pytest.skip("Trino is not there: see what tests/athena/install.sh said")
    return trino.url()


@pytest.fixture
def athena(trino_url: str) -> Iterator[AthenaServer]:
    """Athena's API, with queries run by Trino."""
    server = AthenaServer(TrinoBackend(trino_url))
    yield server
    server.close()
