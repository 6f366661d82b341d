"""Tells whether Redis answers; it holds only what may be lost, so nobody stops without it."""

from collections.abc import Awaitable, Callable

import redis.asyncio


def redis_alive(url: str) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """Gives a check for `Server.add_check`, which raises where Redis does not answer, and what closes it."""
    client = redis.asyncio.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)

    async def check() -> None:
        await client.ping()

    async def close() -> None:
        await client.aclose()

    return check, close
