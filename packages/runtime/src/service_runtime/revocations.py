"""News of sessions that have ended before their access tokens did; in Redis, and so only as long as that is up."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from service_runtime.background import end_task

_log = structlog.stdlib.get_logger("service_runtime.revocations")

_STREAM = "atalaya:revocations"
# How long one question waits for news; a dead connection is noticed soon after.
_WAIT_SECONDS = 1
_AWAY_SECONDS = 0.5
_AT_A_TIME = 10_000
_FORGET_EVERY_SECONDS = 60


@dataclass(frozen=True)
class Revocation:
    """A session whose tokens no longer hold. After `until` (seconds since 1970) they have all expired anyway."""

    session_id: str
    until: float


class Revocations:
    """The ended sessions as this process knows them: asked without waiting, learned in the background.

    Where Redis is away nobody is refused or kept waiting for it: what is known stays known, and what is not lives until
    the token expires.
    """

    def __init__(self, redis_url: str, clock: Callable[[], float] = time.time) -> None:
        self._client = _client(redis_url)
        self._clock = clock
        self._until: dict[str, float] = {}
        self._forget_at = 0.0
        self._read_once = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self._until

    async def start(self, seconds: float = 1) -> None:
        """Begins to follow the news; waits a moment, so that the first call meets what is known already."""
        self._follower = asyncio.create_task(self._follow())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._read_once.wait(), seconds)

    async def close(self) -> None:
        await end_task(self._follower)
        await self._client.aclose()

    async def _follow(self) -> None:
        last, was_away = "0", False
        while True:
            try:
                wait = None if last == "0" and not self._read_once.is_set() else _WAIT_SECONDS * 1000
                last = self._learn(await self._client.xread({_STREAM: last}, count=_AT_A_TIME, block=wait), last)
                was_away = False
            except Exception as error:
                # Whatever it was, the next try may succeed, and a follower that ends would say nothing of it.
                if not was_away:
                    _log.warning("no news of ended sessions", error=type(error).__name__)
                # Redis may come back empty, and count anew.
                last, was_away = "0", True
                await asyncio.sleep(_AWAY_SECONDS)
            self._forget()

    def _learn(self, answer: Any, last: str) -> str:
        """Takes what a question gave; gives the position to ask on from."""
        for _stream, entries in answer or ():
            for position, entry in entries:
                last = position
                if "session" in entry:
                    self._until[entry["session"]] = float(entry["until"])
        if not answer or len(answer[0][1]) < _AT_A_TIME:
            self._read_once.set()
        return last

    def _forget(self) -> None:
        now = self._clock()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_SECONDS
            self._until = {session_id: until for session_id, until in self._until.items() if until > now}


class RevocationNews:
    """Where the service that ends sessions tells of it."""

    def __init__(self, redis_url: str, *, keep_seconds: int) -> None:
        self._client = _client(redis_url)
        self._keep_seconds = keep_seconds

    async def are_kept(self) -> bool:
        """Tells whether Redis still has what was told; a Redis that was restarted, flushed or filled up has not."""
        return bool(await self._client.exists(_STREAM))

    async def tell(self, ended: Iterable[Revocation]) -> bool:
        """Adds news; gives False, and adds nothing, where what was told before is gone: `tell_all` then."""
        added = await self._add(ended, only_if_kept=True)
        return all(position is not None for position in added)

    async def tell_all(self, ended: Iterable[Revocation]) -> None:
        """Tells of everything that is still of interest."""
        # The first entry is there so that somebody sees later that all was told, even where there is nothing to tell.
        await self._add(ended, only_if_kept=False)

    async def _add(self, ended: Iterable[Revocation], *, only_if_kept: bool) -> list[Any]:
        oldest = int((time.time() - self._keep_seconds) * 1000)
        entries = [{"session": news.session_id, "until": str(news.until)} for news in ended]
        if not only_if_kept:
            entries.insert(0, {"begun": str(time.time())})
        async with self._client.pipeline(transaction=True) as pipeline:
            for entry in entries:
                pipeline.xadd(_STREAM, entry, nomkstream=only_if_kept, minid=oldest, approximate=True)  # type: ignore[arg-type]
            return list(await pipeline.execute())

    async def close(self) -> None:
        await self._client.aclose()


def _client(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        url, decode_responses=True, socket_connect_timeout=1, socket_timeout=_WAIT_SECONDS + 2
    )


# What telling may raise where Redis is away.
RedisAway = (RedisError, OSError)
