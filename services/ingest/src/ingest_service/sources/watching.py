"""Lets a thread read while the job reports, and ends both when one of them ends."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from service_runtime.jobs import JobRun

from ingest_service.sources import connection as source
from ingest_service.sources.connection import SourceConnection
from ingest_service.sources.pace import Pace, Stopped

Result = TypeVar("Result")
REPORT_SECONDS = 0.5
# A driver that does not notice the end of its connection is left alone after so long.
_END_SECONDS = 15


async def watched(
    run: JobRun, pace: Pace, connection: SourceConnection, silence: float, progress: float, read: Callable[[], Result]
) -> Result:
    """Gives what `read` gives; raises JobCancelled, StaleAttempt, or SOURCE_UNAVAILABLE where nothing came for long."""
    reading = asyncio.create_task(asyncio.to_thread(read))
    try:
        while not (await asyncio.wait({reading}, timeout=REPORT_SECONDS))[0]:
            await run.report(progress=progress, rows_read=pace.rows)
            if time.monotonic() - pace.moved > silence:
                raise source.unavailable()
        await run.report(progress=progress, rows_read=pace.rows)
        return reading.result()
    except Stopped:
        raise source.unavailable() from None
    finally:
        if not reading.done():
            pace.stop()
            await asyncio.to_thread(connection.abort)
            await asyncio.wait({reading}, timeout=_END_SECONDS)
        if reading.done() and not reading.cancelled():
            # What it ended with is told already, or does not matter any more.
            reading.exception()
