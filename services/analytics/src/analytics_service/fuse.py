"""Spares something that has failed again and again: whoever asks is told at once, until it is time to try again."""

import math
import time
from collections.abc import Callable

from service_runtime.errors import Unavailable

_FAILURES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


class Fuse:
    """Opens after five failures in a row, for a second at first and ten at most; one that works closes it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._until = 0.0
        self._last: Unavailable | None = None

    def check(self) -> None:
        """Raises the last error again while there is nothing to hope for."""
        left = self._until - self._clock()
        if left > 0 and self._last is not None:
            last = self._last
            raise Unavailable(last.reason, last.message, retry_after=math.ceil(left), **last.metadata)

    def failed(self, error: Unavailable) -> None:
        self._failures += 1
        self._last = error
        if self._failures >= _FAILURES:
            self._until = self._clock() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def worked(self) -> None:
        self._failures, self._pause, self._until, self._last = 0, _FIRST_PAUSE, 0.0, None
