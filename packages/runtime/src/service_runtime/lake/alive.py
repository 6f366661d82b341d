"""Tells whether the lake answers."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from service_runtime.config import RuntimeSettings
from service_runtime.lake.open import tenant_lake


def lake_alive(settings: RuntimeSettings) -> Callable[[], Awaitable[None]]:
    """Makes a check that raises where the lake does not answer."""
    # A tenant that nobody has: an empty listing says that the lake answers.
    lake = tenant_lake(settings, UUID(int=0))

    async def check() -> None:
        await asyncio.to_thread(lake.list, "health/")

    return check
