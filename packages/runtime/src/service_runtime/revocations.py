"""News of what made access tokens void before they expired; in Redis, and so only as long as that is up."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from service_runtime.background import end_task
from service_runtime.identity import Identity
from service_runtime.redis_client import LONGEST_BLOCK_SECONDS

_log = structlog.stdlib.get_logger("service_runtime.revocations")

_STREAM = "atalaya:revocations"
_AWAY_SECONDS = 0.5
_AT_A_TIME = 10_000
_FORGET_EVERY_SECONDS = 60


RevocationKind = Literal["session", "tenant", "person"]
_KINDS: tuple[RevocationKind, ...] = get_args(RevocationKind)


@dataclass(frozen=True)
class Revocation:
    """Whose tokens no longer hold: those of a session or API key, of a whole tenant, or those that a person got with an
    access version lower than `version`. After `until` (seconds since 1970) they have all expired anyway."""

    kind: RevocationKind
    subject: str
    until: float
    version: int = 0


class Revocations:
    """What was revoked, as this process knows it: asked without waiting, learned in the background.

    Where Redis is away nobody is refused or kept waiting for it: what is known stays known, and what is not lives until
    the token expires.
    """

    def __init__(self, client: redis.asyncio.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[tuple[str, str], Revocation] = {}
        self._forget_at = 0.0
        self._read_once = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None

    def is_revoked(self, identity: Identity) -> bool:
        known = self._known
        # A tenant that is leaving is erased by services in its name; their tokens live for minutes, and are few.
        if identity.kind == "service" or not known:
            return False
        if ("session", identity.session_id) in known or ("tenant", str(identity.tenant_id)) in known:
            return True
        rights = known.get(("person", identity.subject))
        return rights is not None and identity.access_version < rights.version

    async def start(self, seconds: float = 1) -> None:
        """Begins to follow the news; waits a moment, so that the first call meets what is known already."""
        self._follower = asyncio.create_task(self._follow())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._read_once.wait(), seconds)

    async def close(self) -> None:
        await end_task(self._follower)

    async def _follow(self) -> None:
        last, was_away = "0", False
        while True:
            try:
                wait = None if last == "0" and not self._read_once.is_set() else LONGEST_BLOCK_SECONDS * 1000
                last = self._learn(await self._client.xread({_STREAM: last}, count=_AT_A_TIME, block=wait), last)
                was_away = False
            except Exception as error:
                # Whatever it was, the next try may succeed, and a follower that ends would say nothing of it.
                if not was_away:
                    _log.warning("no news of revocations", error=type(error).__name__)
                # Redis may come back empty, and count anew.
                last, was_away = "0", True
                await asyncio.sleep(_AWAY_SECONDS)
            self._forget()

    def _learn(self, answer: Any, last: str) -> str:
        """Takes what a question gave; gives the position to ask on from."""
        for _stream, entries in answer or ():
            for position, entry in entries:
                last = position
                self._note(entry)
        if not answer or len(answer[0][1]) < _AT_A_TIME:
            self._read_once.set()
        return last

    def _note(self, entry: Mapping[str, str]) -> None:
        for kind in _KINDS:
            if kind in entry:
                news = Revocation(kind, entry[kind], float(entry["until"]), int(entry.get("version", 0)))
                known = self._known.get((kind, news.subject))
                # News may come twice and in any order.
                if known is None or (known.version, known.until) < (news.version, news.until):
                    self._known[kind, news.subject] = news

    def _forget(self) -> None:
        now = self._clock()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_SECONDS
            self._known = {key: news for key, news in self._known.items() if news.until > now}


class RevocationNews:
    """Where the service that revokes tells of it."""

    def __init__(self, client: redis.asyncio.Redis, *, keep_seconds: int) -> None:
        self._client = client
        self._keep_seconds = keep_seconds

    async def are_kept(self) -> bool:
        """Tells whether Redis still has what was told; a Redis that was restarted, flushed or filled up has not."""
        return bool(await self._client.exists(_STREAM))

    async def tell(self, revoked: Iterable[Revocation]) -> bool:
        """Adds news; gives False, and adds nothing, where what was told before is gone: `tell_all` then."""
        added = await self._add(revoked, only_if_kept=True)
        return all(position is not None for position in added)

    async def tell_all(self, revoked: Iterable[Revocation]) -> None:
        """Tells of everything that is still of interest."""
        # The first entry is there so that somebody sees later that all was told, even where there is nothing to tell.
        await self._add(revoked, only_if_kept=False)

    async def _add(self, revoked: Iterable[Revocation], *, only_if_kept: bool) -> list[Any]:
        oldest = int((time.time() - self._keep_seconds) * 1000)
        entries = [
            # Sessions are told as they were before there were other kinds, so that older servers hear of them.
            {
                news.kind: news.subject,
                "until": str(news.until),
                **({"version": str(news.version)} if news.version else {}),
            }
            for news in revoked
        ]
        if not only_if_kept:
            entries.insert(0, {"begun": str(time.time())})
        async with self._client.pipeline(transaction=True) as pipeline:
            for entry in entries:
                pipeline.xadd(_STREAM, entry, nomkstream=only_if_kept, minid=oldest, approximate=True)  # type: ignore[arg-type]
            return list(await pipeline.execute())


# What telling may raise where Redis is away.
RedisAway = (RedisError, OSError)
