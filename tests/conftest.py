"""Fixtures of all tests: the embedded servers, which start once a run, and the shared real data."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from local_suite.postgres import EmbeddedPostgres
from local_suite.redis import EmbeddedRedis
from service_runtime.telemetry.logs import route_to_stdlib
from support import postgres as postgres_support
from support import redis as redis_support
from support.running_suite import NO_DELAYS, RunningSuite, running_suite
from support.tokens import TestIssuer
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Logs go where pytest collects them; structlog would print them otherwise.
route_to_stdlib("tests")


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """The run's PostgreSQL; `support.postgres.database_for` makes databases on it."""
    return postgres_support.server()


@pytest.fixture(scope="session")
def redis() -> EmbeddedRedis:
    """The run's Redis; its `url` is what REDIS_URL takes."""
    return redis_support.server()


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    """Signs the run's access tokens."""
    return TestIssuer()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that is not part of the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ATALAYA_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"there is no shared data in {folder}; ATALAYA_SHARED_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite without the demo; a test that ends one of its processes leaves it answering again."""
    with running_suite(tmp_path_factory.mktemp("suite") / "home", **NO_DELAYS) as suite:
        yield suite


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spares the garbage collector what stays until the end: modules and tests, which it would go through for ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hands out whole files, and all system tests together: they share what is slow to start."""
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Keeps a file's tests in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        shared = file.startswith(("tests/system/", "tests/proofs/", "tests/faults/suite/"))
        return "system" if shared else file
