"""The public keys of the token signer, fetched when needed and not more often than is good for it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
from jwt.types import JWKDict

from service_runtime.errors import ServiceError, Unavailable
from service_runtime.signature import ALGORITHM

# An unknown key id asks the signer at most this often, so made-up ids cannot flood it.
UNKNOWN_KEY_PAUSE_SECONDS = 5.0
AFTER_FAILURE_PAUSE_SECONDS = 1.0
# A key that the signer withdrew is forgotten after this.
LONGEST_AGE_SECONDS = 600.0


class KeySet:
    """Finds a signing key by its id."""

    def __init__(self, fetch_jwks: Callable[[], Awaitable[bytes]], clock: Callable[[], float]) -> None:
        self._fetch_jwks = fetch_jwks
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._next_fetch = float("-inf")

    async def find(self, key_id: str) -> Any | None:
        """Gives the key, or None where the signer has no such key."""
        if not self._is_fresh() or key_id not in self._keys:
            async with self._lock:
                now = self._clock()
                if (key_id not in self._keys or not self._is_fresh()) and now >= self._next_fetch:
                    await self._fetch(now)
        if not self._keys:
            raise _unavailable()
        return self._keys.get(key_id)

    def _is_fresh(self) -> bool:
        return self._clock() < self._fetched_at + LONGEST_AGE_SECONDS

    async def _fetch(self, now: float) -> None:
        try:
            self._keys = _read_keys(await self._fetch_jwks())
        except (ServiceError, OSError, TimeoutError, ValueError) as error:
            self._next_fetch = now + AFTER_FAILURE_PAUSE_SECONDS
            # Keys that were good stay good while the signer is away.
            if not self._keys:
                raise _unavailable() from error
            return
        self._fetched_at = now
        self._next_fetch = now + UNKNOWN_KEY_PAUSE_SECONDS


def _read_keys(jwks: bytes) -> dict[str, Any]:
    keys: list[JWKDict] = json.loads(jwks)["keys"]
    return {key["kid"]: jwt.PyJWK(key, algorithm=ALGORITHM).key for key in keys if _verifies_tokens(key)}


def _verifies_tokens(key: JWKDict) -> bool:
    """Tells whether a key is published for checking our signatures, not for encryption or another algorithm."""
    return (
        key.get("kty") == "RSA"
        and bool(key.get("kid"))
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and "verify" in key.get("key_ops", ["verify"])
    )


def _unavailable() -> Unavailable:
    return Unavailable("KEYS_UNAVAILABLE", "Tokens cannot be checked at the moment.", retry_after=1)
