"""Runs a service's worker as a process of its own, so that tests can kill it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1]


@asynccontextmanager
async def worker_process(
    module: str, settings: Mapping[str, str], *words: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Starts `python -m <module> <words>` with the settings; kills it in the end where it still runs."""
    environment = {**os.environ, **settings, "PYTHONPATH": str(TESTS)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, env=environment, stderr=asyncio.subprocess.PIPE
    )
    output = asyncio.create_task(_drain(process))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        print((await output).decode(errors="replace"))


async def _drain(process: asyncio.subprocess.Process) -> bytes:
    return await process.stderr.read() if process.stderr is not None else b""
