"""Calls counted in this process alone, for as long as there is no Redis."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service_runtime.limits import Standing, Window

# Who has not called for the longest time is forgotten first.
MOST_IDENTITIES = 10_000


@dataclass
class _Counter:
    taken: int
    ends_at: float


class MemoryCounters:
    """The same windows in bounded memory; with several processes each has its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_IDENTITIES) -> None:
        self._clock = clock
        self._most = most
        self._counters: OrderedDict[str, dict[int, _Counter]] = OrderedDict()

    async def count(self, key: str, windows: Sequence[Window]) -> tuple[bool, list[Standing]]:
        """Counts a call; nothing waits here, so calls cannot come between the look and the step."""
        now = self._clock()
        own = self._counters.setdefault(key, {})
        self._counters.move_to_end(key)
        for window in windows:
            if window.seconds not in own or own[window.seconds].ends_at <= now:
                own[window.seconds] = _Counter(0, now + window.seconds)
        admitted = all(own[window.seconds].taken < window.limit for window in windows)
        if admitted:
            for window in windows:
                own[window.seconds].taken += 1
        while len(self._counters) > self._most:
            self._counters.popitem(last=False)
        counters = [(window, own[window.seconds]) for window in windows]
        return admitted, [Standing(window, counter.taken, counter.ends_at - now) for window, counter in counters]
