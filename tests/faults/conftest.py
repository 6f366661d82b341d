"""How often each fault is done, and a report of what was done: a clean result means as much as was tried."""

import os
from collections import Counter
from collections.abc import Iterable

import pytest
from support.ledger import Operation

# Each fault is done once for each seed.
SEEDS = range(1, 1 + int(os.environ.get("FAULT_SEEDS", "1")))


class Report:
    """What one test did; its numbers travel with its outcome, since tests may run in several processes."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def count(self, name: str, number: float = 1) -> None:
        self._node.user_properties.append((name, number))

    def fault(self, name: str, operations: Iterable[Operation] = ()) -> None:
        """Counts a fault, and what was asked for around it."""
        self.count(f"fault: {name}")
        for each in operations:
            self.count(f"operation: {each.kind}, {each.end}")
            self.count(f"rows {each.end}", len(each.rows))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    return Report(request.node)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counted: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for done in terminalreporter.stats.get(outcome, []):
            for name, number in done.user_properties if done.when == "call" else ():
                counted[name] = max(counted[name], number) if name.startswith("longest") else counted[name] + number
    if not counted:
        return
    terminalreporter.section("what was done")
    for name, number in sorted(counted.items()):
        terminalreporter.write_line(f"{number:>10,.0f} {name}")
    faults = sum(number for name, number in counted.items() if name.startswith("fault: "))
    if faults and not terminalreporter.stats.get("failed"):
        terminalreporter.write_line(
            f"No rule was broken in {faults} faults: below {min(1, 3 / faults):.1%} a fault (95 %)."
        )
