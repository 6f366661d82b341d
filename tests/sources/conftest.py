"""The insurer's three databases, real ones, started once a run; what cannot be had is left out and says why."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_suite.checks import free_ports
from local_suite.databases.orchestrator import KINDS, Orchestrator
from local_suite.errors import SuiteError
from local_suite.home import Home
from support.sources_running import SourcesSuite, SourceTenant, serving_sources
from support.tokens import TestIssuer

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Servers:
    """What runs, and why the rest does not."""

    orchestrator: Orchestrator
    missing: dict[str, str]
    said: list[str]

    def need(self, kind: str) -> Any:
        """Gives a server, or leaves the test out."""
        if kind in self.missing:
            pytest.skip(self.missing[kind])
        return self.orchestrator.databases[kind].server


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Starts the three at the same time."""
    folder = tmp_path_factory.mktemp("databases")
    # A server may run as another user, who must get to its folder.
    for above in (folder, *folder.parents[:3]):
        if above.owner() == Path.home().owner() and above != Path("/"):
            above.chmod(0o711 | above.stat().st_mode)
    home = Home(folder / "home", free_ports(1)[0])
    home.prepare()
    # Cassandra takes its port and the one behind.
    ports = {kind: str(free_ports(1)[0]) for kind in KINDS}
    jars = os.environ.get("CASSANDRA_JARS", str(ROOT / ".tools" / "cassandra"))
    environment = {**os.environ, "CASSANDRA_JARS": jars, **{f"SOURCE_{k.upper()}_PORT": p for k, p in ports.items()}}
    said: list[str] = []
    orchestrator = Orchestrator(home, environment, said.append)
    missing = {}

    def start(kind: str) -> None:
        try:
            orchestrator.databases[kind].server.start()
        except SuiteError as error:
            missing[kind] = str(error)

    with ThreadPoolExecutor() as pool:
        list(pool.map(start, KINDS))
    if missing and os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(f"on CI every server must be there: {missing}")
    yield Servers(orchestrator, missing, said)
    orchestrator.run("down", KINDS)


@pytest.fixture(scope="session")
async def sources_suite(
    servers: Servers, issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SourcesSuite]:
    folder = tmp_path_factory.mktemp("ingest")
    ports = [database.server.port for database in servers.orchestrator.databases.values()]
    allowed = ",".join(f"127.0.0.1:{port}" for port in ports)
    async with serving_sources(issuer, folder, allowed) as suite:
        yield suite


@pytest.fixture
def tenant(sources_suite: SourcesSuite) -> SourceTenant:
    return SourceTenant(sources_suite)


@pytest.fixture(scope="session", autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Ends what drivers have begun in this loop."""
    yield
    await asyncio.sleep(0)
