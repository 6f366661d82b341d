"""The one Redis client of a process; what lies in Redis may be lost, so nobody stops without it."""

from collections.abc import Awaitable, Callable

import redis.asyncio

# The longest that a question may block in Redis, waiting for news; a dead connection is noticed soon after.
LONGEST_BLOCK_SECONDS = 1


def open_redis(url: str) -> redis.asyncio.Redis:
    """Opens a client, which connects when it is asked; who must not wait so long for a Redis that hangs sets less."""
    return redis.asyncio.Redis.from_url(
        url, decode_responses=True, socket_connect_timeout=1, socket_timeout=LONGEST_BLOCK_SECONDS + 2
    )


def redis_alive(client: redis.asyncio.Redis) -> Callable[[], Awaitable[None]]:
    """Makes a check that raises where Redis does not answer."""

    async def check() -> None:
        await client.ping()

    return check
