"""How often, and how soon, what died is started again."""

import time
from collections import deque
from collections.abc import Callable

LIMIT = 5
WINDOW_SECONDS = 60.0
FIRST_WAIT_SECONDS = 0.5
# Who has served for so long was well: what it died of before counts no more.
WELL_SECONDS = 5.0


class RestartLimit:
    """Allows some restarts within a time, the first at once and each further one after a longer wait."""

    def __init__(
        self, limit: int = LIMIT, window: float = WINDOW_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self._window = window
        self._clock = clock
        self._deaths: deque[float] = deque()
        self._serves_since = float("inf")

    @property
    def recent(self) -> int:
        """How many deaths count now."""
        return len(self._deaths)

    def serves(self) -> None:
        """Notes that the process is ready."""
        self._serves_since = self._clock()

    def died(self) -> float | None:
        """Notes a death; gives the seconds to wait before the next start, or None when there were too many."""
        now = self._clock()
        if now - self._serves_since >= WELL_SECONDS:
            self._deaths.clear()
        self._serves_since = float("inf")
        while self._deaths and now - self._deaths[0] > self._window:
            self._deaths.popleft()
        self._deaths.append(now)
        if self.recent > self.limit:
            return None
        return 0.0 if self.recent == 1 else FIRST_WAIT_SECONDS * 2.0 ** (self.recent - 2)
