"""What the person at the terminal sees: one screen of what runs where, and a line for each thing that happens."""

import os
import time

from rich.console import Console
from rich.table import Table

from local_suite.home import Home
from local_suite.memory import alone, megabytes
from local_suite.state import ProcessState, SuiteState

# Where the output goes to a file or a pipe there is no width to keep to.
FILE_WIDTH = 160


class Screen:
    """Writes to the terminal or a file; one that is gone or full must not keep the suite from stopping in order."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = FILE_WIDTH

    def line(self, text: str) -> None:
        """Says one thing, with the time of day."""
        self._print(f"{time.strftime('%H:%M:%S')}  {text}")

    def suite(self, home: Home, state: SuiteState) -> None:
        """Shows the processes and the addresses."""
        self._print(processes(state.processes, home))
        self._print(f"Suite   {state.url}")
        self._print(f"Docs    {state.url}/docs")
        self._print(f"Data    {home.path}")
        self._print(f"Mails   {os.environ.get('SMTP_HOST') or home.mails}")

    def logins(self, home: Home) -> None:
        """Shows the demo's log-ins, where there are any."""
        if home.demo_logins.exists():
            self._print(f"Demo log-ins ({home.demo_logins}):")
            self._print(home.demo_logins.read_text().rstrip())

    def memory(self, state: SuiteState) -> None:
        """Shows what each process holds, and the sum."""
        sizes = {each.name: megabytes(each.pid) for each in state.processes if each.pid}
        sizes["runner"] = alone(state.runner)
        table = Table("process", "PSS in MB", box=None)
        for name, size in sizes.items():
            table.add_row(name, f"{size:.0f}")
        table.add_row("sum", f"{sum(sizes.values()):.0f}")
        self._print(table)

    def _print(self, what: object) -> None:
        try:
            # Texts are shown as they are: a path or a password may hold what rich takes for a style.
            self._console.print(what, markup=False, soft_wrap=isinstance(what, str))
        except OSError:
            # A terminal is gone for good, a full disk is not; this line is lost, and a new console has no rest of it.
            self._console = Console(file=self._console.file, highlight=False, width=self._console.width)


def processes(states: list[ProcessState], home: Home) -> Table:
    """The table of processes."""
    table = Table(box=None)
    for heading in ("process", "state", "pid", "log", "metrics"):
        table.add_column(heading, overflow="fold")
    for each in states:
        log = each.log.removeprefix(f"{home.path.parent}/")
        state = each.state if not each.restarts else f"{each.state} (started again {each.restarts} times)"
        table.add_row(each.name, state, str(each.pid or "-"), log, each.metrics.removeprefix("http://") or "-")
    return table
