"""Keeps the answers of another service for a short while: so many at most, the longest unused forgotten first."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

MOST_KEPT = 4096


class KeptAnswers(Generic[Key, Answer]):
    """Answers by key. A key has to hold everything that the answer depends on, such as tenant, person and role."""

    def __init__(self, seconds: float, *, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()
        # A lock lives as long as somebody asks or waits.
        self._turns: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Gives the kept answer or asks for it; who comes while somebody asks for the same waits for that answer.

        Failures are not kept: the next who waits asks with a deadline and a token of its own.
        """
        kept = self._fresh(key)
        if kept is None:
            async with self._turns.setdefault(key, asyncio.Lock()):
                kept = self._fresh(key) or await self._ask(key, ask)
        return kept[1]

    def forget(self, key: Key) -> None:
        """Drops the kept answer, so that the next who wants it asks."""
        self._kept.pop(key, None)

    def _fresh(self, key: Key) -> tuple[float, Answer] | None:
        kept = self._kept.get(key)
        if kept is None or self._clock() >= kept[0]:
            return None
        self._kept.move_to_end(key)
        return kept

    async def _ask(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> tuple[float, Answer]:
        # Counted from before the question: what changes while it is under way is missing from the answer.
        until = self._clock() + self._seconds
        kept = self._kept[key] = (until, await ask())
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept
