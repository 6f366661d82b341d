"""Keeps processes running: starts again what dies, with a limit, and says what happened."""

import asyncio
import enum
import signal
import subprocess
from collections.abc import Callable

from local_suite.errors import SuiteError
from local_suite.programs import Program
from local_suite.restarts import RestartLimit
from local_suite.waiting import POLL_SECONDS, until


class State(enum.StrEnum):
    """What a supervised process is doing."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to start again"
    GIVEN_UP = "given up"
    STOPPED = "stopped"


class Supervised:
    """One program with its process; all its methods belong to the event loop of the main thread."""

    def __init__(self, program: Program, notice: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.program = program
        self.state = State.STOPPED
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self._limit = RestartLimit()
        self._notice = notice
        self._changed = changed
        self._stopping = False
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return None if self.process is None or self._ended() else self.process.pid

    def start(self) -> None:
        """Begins to keep the program running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.program.name)

    async def ready(self, seconds: float) -> bool:
        """Waits until the program is ready; false when it was given up or the time is over."""
        try:
            await asyncio.wait_for(self._settled.wait(), seconds)
        except TimeoutError:
            return False
        return self.state is State.RUNNING

    async def stop(self) -> None:
        """Asks the process to end in order, and kills it when it takes too long."""
        self._stopping = True
        if self.process is not None and not self._ended():
            self.process.send_signal(self.program.stop_signal)
            if not await until(self._ended, self.program.stop_seconds):
                self._notice(f"{self.program.name} did not end in {self.program.stop_seconds:.0f} s and is killed.")
                self.kill()
                await until(self._ended, 5)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._change(State.STOPPED)

    def kill(self) -> None:
        """Ends the process at once."""
        self._stopping = True
        if self.process is not None and not self._ended():
            self.process.kill()

    async def _keep_running(self) -> None:
        while not self._stopping:
            self._change(State.STARTING)
            try:
                self.process = self.program.start()
            except (SuiteError, OSError) as error:
                reason = str(error)
            else:
                self._changed()  # Now there is a process id.
                await self._attend(self.process)
                reason = ending(self.process.returncode)
            if self._stopping or not await self._may_start_again(reason):
                return

    async def _attend(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self.state is State.STARTING and await self.program.ready() and process.poll() is None:
                self._change(State.RUNNING)
                self._settled.set()
                self._limit.serves()
            await asyncio.sleep(POLL_SECONDS)

    async def _may_start_again(self, reason: str) -> bool:
        if lack := self.program.lacks():
            self.restarts += 1
            self._change(State.WAITING)
            self._notice(f"{self.program.name} {reason} and waits: {lack}")
            return await until(lambda: not self.program.lacks())
        wait = self._limit.died()
        if wait is None:
            self._change(State.GIVEN_UP)
            self._settled.set()
            self._notice(
                f"{self.program.name} {reason} {self._limit.recent} times within a minute and is not started again; "
                f"its log: {self.program.log}"
            )
            return False
        self.restarts += 1
        self._change(State.WAITING)
        self._notice(
            f"{self.program.name} {reason}; it is started again "
            f"({self._limit.recent} of {self._limit.limit} times in a minute), its log: {self.program.log}"
        )
        await asyncio.sleep(wait)
        return True

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _change(self, state: State) -> None:
        self.state = state
        self._changed()


def ending(code: int | None) -> str:
    """Says in words how a process ended."""
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"
