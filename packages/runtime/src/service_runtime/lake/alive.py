"""Tells whether the lake answers."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from service_runtime.config import RuntimeSettings
from service_runtime.lake.lake import StoredObject
from service_runtime.lake.open import tenant_lake


def lake_alive(settings: RuntimeSettings) -> Callable[[], Awaitable[None]]:
    """Makes a check that raises where the lake does not answer."""
    # A tenant that nobody has: an empty listing says that the lake answers.
    lake = tenant_lake(settings, UUID(int=0))
    # However often a lake that hangs is asked for, it holds one thread, and none that others wait for.
    thread = ThreadPoolExecutor(1, thread_name_prefix="lake-alive")
    asked: list[Future[list[StoredObject]]] = []

    async def check() -> None:
        if not asked or asked[0].done():
            asked[:] = [thread.submit(lake.list, "health/")]
        await asyncio.wrap_future(asked[0])

    return check
