"""Tasks that run beside the calls."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

_ASK_AGAIN_SECONDS = 0.1
# Work that is done several times a second would fill the log while the database is away.
_TELL_EVERY_SECONDS = 60

_log = structlog.stdlib.get_logger("service_runtime.background")


async def repeat(what: str, work: Callable[[], Awaitable[object]], seconds: float, *, at_once: bool = True) -> None:
    """Does the work again and again until it is cancelled, with so many seconds between; a failure is told, and does
    not end it."""
    tell_at = 0.0
    if not at_once:
        await asyncio.sleep(seconds)
    while True:
        try:
            await work()
        except Exception as error:
            # The database or Redis is away, say, and will be back.
            if time.monotonic() >= tell_at:
                _log.warning("background work failed", work=what, error=type(error).__name__)
                tell_at = time.monotonic() + _TELL_EVERY_SECONDS
        await asyncio.sleep(seconds)


@asynccontextmanager
async def repeating(
    what: str, work: Callable[[], Awaitable[object]], seconds: float, *, at_once: bool = True
) -> AsyncIterator[None]:
    """Repeats the work until the end of the context."""
    task = asyncio.create_task(repeat(what, work, seconds, at_once=at_once))
    try:
        yield
    finally:
        await end_task(task)


async def end_task(task: asyncio.Task[None] | None) -> None:
    """Cancels a task and waits for its end.

    Asked once is not enough: where a library waits with a time limit and the answer comes in the same moment, Python
    3.11 loses the cancellation.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_ASK_AGAIN_SECONDS)
