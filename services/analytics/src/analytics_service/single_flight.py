"""Several callers who need the same missing thing wait for one computation."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

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

            flight = self._flights[key] = asyncio.create_task(fly())
            # An error that nobody waits for any more is not worth a warning of asyncio's.
            flight.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(flight)
