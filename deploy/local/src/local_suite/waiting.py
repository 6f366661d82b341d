"""Waiting for what sends no event, such as the end of a process: by asking again and again."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.1


async def until(check: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = float("inf")) -> bool:
    """Returns true as soon as the check holds, false when it does not within the time."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if await found if inspect.isawaitable(found) else found:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
