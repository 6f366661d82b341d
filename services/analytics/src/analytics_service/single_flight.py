"""Several callers who need the same missing thing wait for one computation, and one caller for several."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs one computation per key at a time; it goes on when a caller leaves, and all get its result or error."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        flight = self._flights.get(key)
        if flight is None:

            async def fly() -> T:
                try:
                    return await compute()
                finally:
                    del self._flights[key]

            flight = self._flights[key] = _detached(fly())
        return await asyncio.shield(flight)


class NextFlight(Generic[T]):
    """The same for what must not be older than the question: who comes while a computation is under way waits for the
    one after it, with all others who came meanwhile."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        flight = self._next.get(key)
        if flight is None:
            flight = self._next[key] = _detached(self._fly(key, compute))
        return await asyncio.shield(flight)

    async def _fly(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        if (before := self._under_way.get(key)) is not None:
            await asyncio.wait([before])
        self._under_way[key] = self._next.pop(key)
        try:
            return await compute()
        finally:
            del self._under_way[key]


async def all_results(work: Iterable[Awaitable[T]]) -> list[T]:
    """All results or the first error, when all have ended, so that nothing goes on behind an error."""
    results = await asyncio.gather(*work, return_exceptions=True)
    good = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        good.append(result)
    return good


def _detached(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    # An error that nobody waits for any more is not worth a warning of asyncio's.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
