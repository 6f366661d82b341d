"""The whole suite, started once for all system tests by the real runner."""

from collections.abc import Iterator

import pytest
from support.running_suite import RunningSuite


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite without the demo; a test that ends one of its processes leaves it answering again."""
    suite = RunningSuite.fresh(tmp_path_factory.mktemp("suite") / "home")
    try:
        suite.start()
        yield suite
    finally:
        suite.stop()
