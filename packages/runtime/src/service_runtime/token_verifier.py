"""Verifies tokens by the signer's published keys."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from service_runtime.claims import BadClaim, check_times, expires_at, read_claims, to_identity
from service_runtime.errors import Unauthenticated
from service_runtime.identity import Identity
from service_runtime.key_set import KeySet
from service_runtime.signature import BadSignature, key_id, signed_payload

MOST_REMEMBERED = 4096


class TokenVerifier:
    """Checks access tokens and services' tokens (RS256 only) and remembers the good ones."""

    def __init__(
        self,
        fetch_jwks: Callable[[], Awaitable[bytes]],
        issuer: str,
        audience: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = KeySet(fetch_jwks, clock)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    async def verify(self, token: str) -> Identity:
        """Gives the identity that the token proves, or raises Unauthenticated."""
        known = self._remembered.get(token)
        if known is not None:
            if self._clock() < known[1]:
                return known[0]
            del self._remembered[token]
        try:
            identity, until = await self._verified(token)
        except (BadSignature, BadClaim) as error:
            raise Unauthenticated("TOKEN_INVALID", "The access token is not valid.") from error
        self._remembered[token] = (identity, until)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return identity

    async def _verified(self, token: str) -> tuple[Identity, float]:
        key = await self._keys.find(key_id(token))
        if key is None:
            raise BadSignature("no such key")
        claims = read_claims(signed_payload(token, key), self._issuer, self._audience)
        check_times(claims, self._clock())
        return to_identity(claims, token), expires_at(claims)
