"""Gives back what training code takes: a worker that has trained and is idle begins anew in the same process."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ASK_SECONDS = 1.0


class Renewal:
    """Knows when a worker has trained and then had nothing to train for so many seconds; 0 seconds: never."""

    def __init__(self, idle_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._running = 0
        self._ended_at: float | None = None

    @contextmanager
    def training(self) -> Iterator[None]:
        """Stands around one training."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._ended_at = self._clock()

    @property
    def is_due(self) -> bool:
        if not self._idle_seconds or self._running or self._ended_at is None:
            return False
        return self._clock() - self._ended_at >= self._idle_seconds

    async def call_when_due(self, stop: Callable[[], None]) -> None:
        """Calls `stop` once it is time."""
        while not self.is_due:  # noqa: ASYNC110 - time is what makes it due
            await asyncio.sleep(_ASK_SECONDS)
        stop()


def begin_anew() -> None:
    """Runs this process's own command from the start, under the same process id; never returns."""
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the command that started us
