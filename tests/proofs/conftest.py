"""Two companies in a suite that all proofs share, and the figures of each proof at the end of the run."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.proofs_estate import Estate, settle
from support.proofs_house import House, house_in
from support.running_suite import NO_DELAYS, RunningSuite, running_suite

FIGURES = "proof"


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A suite whose services ask for the accounts of a caller each time: proofs write between two questions, and an
    answer may not depend on whether the time that one is kept has just ended."""
    home = tmp_path_factory.mktemp("suite") / "home"
    with running_suite(home, **NO_DELAYS, VISIBLE_ACCOUNTS_SECONDS="0") as suite:
        yield suite


@pytest.fixture(scope="module")
async def house(suite: RunningSuite) -> AsyncIterator[House]:
    """Companies A and B, new in each module, with one person of each role."""
    async with house_in(suite) as house:
        yield house


@pytest.fixture(scope="module")
async def estate(house: House) -> Estate:
    """What company B owns: something of every kind."""
    return await settle(house)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what each proof has counted."""
    lines = [
        value
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, value in report.user_properties
        if name == FIGURES
    ]
    if lines:
        terminalreporter.section("proofs made from the contracts")
        for line in lines:
            terminalreporter.line(str(line))
