"""A Redis that tests may kill, and waiting for news that must come within a second."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from local_suite.redis import EmbeddedRedis
from service_runtime.errors import ServiceError
from service_runtime.identity import Identity

from support.running import refusal

# The promise is a second; the machines of tests are busy.
PATIENCE_SECONDS = 5


@contextmanager
def redis_of_its_own() -> Iterator[EmbeddedRedis]:
    """Starts a Redis for one test, which may stop and start it."""
    home = Path(tempfile.mkdtemp(prefix="atl-r-", dir="/tmp"))
    redis = EmbeddedRedis(home)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()
        shutil.rmtree(home, ignore_errors=True)


async def refused_soon(call: Callable[[], Awaitable[Any]]) -> ServiceError:
    """Makes a call again and again until it is refused, and gives the refusal."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await refusal(call())
            except BaseException as error:
                # pytest's own word for a call that was not refused.
                if "DID NOT RAISE" not in str(error):
                    raise


def somebody(**of_interest: Any) -> Identity:
    """Gives an identity of nobody in particular but for what is of interest."""
    usual = {
        "subject": str(uuid4()),
        "tenant_id": uuid4(),
        "role": "admin",
        "username": "ana",
        "timezone": "UTC",
        "session_id": str(uuid4()),
        "token": "",
    }
    return Identity(**{**usual, **of_interest})
