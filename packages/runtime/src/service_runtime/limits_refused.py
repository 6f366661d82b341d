"""Refusals remembered in this process, so that who calls on without end costs as little as can be."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from service_runtime.limits import Counters, Standing, Window

# The counters may be lost or another limit be set, so they are asked again so often.
REMEMBERED_SECONDS = 1.0
# Who was refused first is forgotten first.
MOST_IDENTITIES = 10_000


@dataclass(frozen=True)
class _Refusal:
    standings: list[Standing]
    at: float


class RememberedRefusals:
    """Shared counters that are not asked again for a moment about who was refused: only time empties a full window."""

    def __init__(
        self, counters: Counters, clock: Callable[[], float] = time.monotonic, most: int = MOST_IDENTITIES
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._most = most
        self._refusals: OrderedDict[str, _Refusal] = OrderedDict()

    async def count(self, key: str, windows: Sequence[Window]) -> tuple[bool, list[Standing]]:
        """Counts a call, or refuses it as one was a moment ago: refused calls are counted nowhere."""
        now = self._clock()
        refusal = self._refusals.get(key)
        if refusal is not None:
            standings = _later(refusal.standings, now - refusal.at)
            if now - refusal.at < REMEMBERED_SECONDS and _any_is_full(standings):
                return False, standings
            del self._refusals[key]
        admitted, standings = await self._counters.count(key, windows)
        if not admitted:
            self._refusals[key] = _Refusal(standings, now)
            if len(self._refusals) > self._most:
                self._refusals.popitem(last=False)
        return admitted, standings


def _later(standings: list[Standing], seconds: float) -> list[Standing]:
    return [replace(standing, seconds_left=standing.seconds_left - seconds) for standing in standings]


def _any_is_full(standings: list[Standing]) -> bool:
    return any(standing.remaining == 0 and standing.seconds_left > 0 for standing in standings)
