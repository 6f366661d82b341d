"""Turns at work that only so much of can be done at once: no owner takes all places, and who has fewest is next."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from analytics_service.metrics import WAIT_SECONDS


class FairTurns:
    """So many places; an owner holds half of them at most, so that its heavy work leaves the others theirs."""

    def __init__(self, kind: str, places: int) -> None:
        self._free = places
        self._share = max(1, places // 2)
        self._held: Counter[str] = Counter()
        # Owners in the order in which they came or were served last.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._waited = WAIT_SECONDS.labels(kind)

    @asynccontextmanager
    async def turn(self, owner: str) -> AsyncIterator[None]:
        """Waits for a place and holds it."""
        started = time.perf_counter()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(place)
        self._admit()
        try:
            await place
            self._waited.observe(time.perf_counter() - started)
            yield
        finally:
            if place.done() and not place.cancelled():
                self._free += 1
                self._held -= Counter([owner])
            else:
                place.cancel()
            self._admit()

    def _admit(self) -> None:
        while self._free:
            for owner, places in list(self._waiting.items()):
                while places and places[0].done():
                    places.popleft()
                if not places:
                    del self._waiting[owner]
            able = [owner for owner in self._waiting if self._held[owner] < self._share]
            if not able:
                return
            owner = min(able, key=self._held.__getitem__)
            # Behind those who wait as well.
            places = self._waiting.pop(owner)
            places.popleft().set_result(None)
            self._waiting[owner] = places
            self._free -= 1
            self._held[owner] += 1
