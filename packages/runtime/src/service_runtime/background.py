"""Tasks that run beside the calls."""

import asyncio

_ASK_AGAIN_SECONDS = 0.1


async def end_task(task: asyncio.Task[None] | None) -> None:
    """Cancels a task and waits for its end.

    Asked once is not enough: where a library waits with a time limit and the answer comes in the same moment, Python
    3.11 loses the cancellation.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_ASK_AGAIN_SECONDS)
