"""API keys: a key is exchanged for an access token, which is then verified like any other."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256

from service_runtime.errors import DeadlineExceeded, ServiceError, Unauthenticated, Unavailable

# By this a key is told from a token where both come as bearer tokens.
KEY_PREFIX = "atl_"
MOST_CHARACTERS = 256
REMEMBERED_SECONDS = 30.0
# Long enough that a bad key cannot flood the signer, short enough that one that was just made works soon.
REFUSED_SECONDS = 5.0
MOST_REMEMBERED = 4096

Exchange = Callable[[str], Awaitable[str]]


class ApiKeys:
    """Gives the access tokens of API keys, asking the signer once for many calls. Keys are kept as hashes alone."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.monotonic) -> None:
        self._exchange = exchange
        self._clock = clock
        # Apart, or made-up keys would push out good ones.
        self._good: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._bad: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[str]] = {}

    async def token(self, key: str) -> str:
        """Gives the token of a key; raises Unauthenticated for a bad one, Unavailable where the signer is away."""
        if not (key.startswith(KEY_PREFIX) and len(key) <= MOST_CHARACTERS and key.isascii()):
            raise bad_key()
        digest = _digest(key)
        if self._remembered(self._bad, digest) is not None:
            raise bad_key()
        return self._remembered(self._good, digest) or await self._shared_exchange(digest, key)

    def forget(self, key: str) -> None:
        """Asks anew at the next call."""
        self._good.pop(_digest(key), None)

    async def _shared_exchange(self, digest: bytes, key: str) -> str:
        task = self._under_way.get(digest)
        if task is None:
            task = asyncio.create_task(self._exchanged(digest, key))
            self._under_way[digest] = task
            task.add_done_callback(lambda done: self._ended(digest, done))
        # Others wait for it too: it goes on where this call is cancelled.
        return await asyncio.shield(task)

    def _ended(self, digest: bytes, task: asyncio.Task[str]) -> None:
        self._under_way.pop(digest, None)
        if not task.cancelled():
            # Looked at, or asyncio would complain of it where nobody waits any more.
            task.exception()

    async def _exchanged(self, digest: bytes, key: str) -> str:
        asked_at = self._clock()
        try:
            token = await self._exchange(key)
        except Unauthenticated as error:
            self._remember(self._bad, digest, "", asked_at + REFUSED_SECONDS)
            raise bad_key() from error
        except (Unavailable, DeadlineExceeded, OSError, TimeoutError) as error:
            after = error.retry_after if isinstance(error, ServiceError) else None
            message = "API keys cannot be checked at the moment."
            raise Unavailable("API_KEYS_UNAVAILABLE", message, retry_after=after or 1) from error
        self._remember(self._good, digest, token, asked_at + REMEMBERED_SECONDS)
        return token

    def _remembered(self, known: OrderedDict[bytes, tuple[str, float]], digest: bytes) -> str | None:
        found = known.get(digest)
        if found is None:
            return None
        if self._clock() >= found[1]:
            del known[digest]
            return None
        known.move_to_end(digest)
        return found[0]

    def _remember(self, known: OrderedDict[bytes, tuple[str, float]], digest: bytes, token: str, until: float) -> None:
        known[digest] = (token, until)
        if len(known) > MOST_REMEMBERED:
            known.popitem(last=False)


def bad_key() -> Unauthenticated:
    """The one refusal of a key, whatever is wrong with it."""
    return Unauthenticated("BAD_API_KEY", "The API key is not valid.")


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
