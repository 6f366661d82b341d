"""What the runner leaves in run/state.json for status, tests and people: which process is what, and where."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local_suite.home import Home
from local_suite.supervisor import Supervised


@dataclass(frozen=True)
class ProcessState:
    """One supervised process as it was when the state was written."""

    name: str
    state: str
    pid: int | None
    restarts: int
    address: str
    metrics: str
    log: str


@dataclass(frozen=True)
class SuiteState:
    """The whole suite."""

    runner: int
    port: int
    url: str
    ready: bool = False
    processes: list[ProcessState] = field(default_factory=list)


def path(home: Home) -> Path:
    """Where the state stands."""
    return home.run / "state.json"


def write(home: Home, state: SuiteState) -> None:
    """Replaces the state in one step, so that a reader never meets half of it."""
    part = path(home).with_suffix(".part")
    part.write_text(json.dumps(asdict(state), indent=2))
    part.replace(path(home))


def read(home: Home) -> SuiteState | None:
    """The last state written, if there is one."""
    try:
        found = json.loads(path(home).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    processes = [ProcessState(**process) for process in found.pop("processes")]
    return SuiteState(**found, processes=processes)


def of(programs: Sequence[Supervised]) -> list[ProcessState]:
    """The states of supervised programs."""
    return [
        ProcessState(
            name=each.program.name,
            state=str(each.state),
            pid=each.pid,
            restarts=each.restarts,
            address=each.program.address,
            metrics=each.program.metrics,
            log=str(each.program.log),
        )
        for each in programs
    ]
