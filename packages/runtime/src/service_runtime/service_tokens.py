"""A service's own tokens, for work that no person asked for: each opens one called service in one tenant."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from service_runtime.errors import Unavailable

# Whom the proof is for; no other service takes it for anything.
ASSERTION_AUDIENCE = "atalaya-auth"
ASSERTION_LIFE_SECONDS = 30
# A token is not used in its last seconds, in which it might expire on its way.
SPARE_SECONDS = 10.0
MOST_REMEMBERED = 1024
LEAST_KEY_BITS = 2048

# Takes a proof, the tenant and the service to call; gives the token and its life in seconds.
Issue = Callable[[str, UUID, str], Awaitable[tuple[str, int]]]
_Place = tuple[UUID, str]


class ServiceTokens:
    """Proves by the service's own key who it is (private_key_jwt), and keeps the tokens that it gets for that."""

    def __init__(
        self, service: str, private_key_file: str, issue: Issue, clock: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._private_key = read_private_key(private_key_file) if private_key_file else None
        self._issue = issue
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: OrderedDict[_Place, tuple[str, float]] = OrderedDict()

    async def metadata(self, tenant_id: UUID, target: str) -> tuple[tuple[str, str], ...]:
        """Gives the metadata of a call to a service in a tenant's matters."""
        return (("authorization", f"Bearer {await self.token(tenant_id, target)}"),)

    async def token(self, tenant_id: UUID, target: str) -> str:
        """Gives a token that holds for some seconds more at least."""
        place = (tenant_id, target)
        async with self._lock:
            token, until = self._kept.get(place, ("", 0.0))
            if self._clock() >= until - SPARE_SECONDS:
                asked_at = self._clock()
                token, life = await self._issue(self._assertion(), tenant_id, target)
                self._kept[place] = (token, asked_at + life)
                self._kept.move_to_end(place)
                if len(self._kept) > MOST_REMEMBERED:
                    self._kept.popitem(last=False)
            return token

    def _assertion(self) -> str:
        if self._private_key is None:
            raise Unavailable(
                "SERVICE_KEY_MISSING",
                "SERVICE_PRIVATE_KEY_FILE must name this service's key, without which it gets no tokens of its own.",
            )
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self._service,
            "sub": self._service,
            "aud": ASSERTION_AUDIENCE,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ASSERTION_LIFE_SECONDS,
        }
        return jwt.encode(claims, self._private_key, algorithm="RS256")


def read_private_key(path: str) -> RSAPrivateKey:
    """Reads a PEM file with one RSA private key; raises ValueError with a sentence where it cannot be used."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} holds no private key that can be read") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_KEY_BITS:
        raise ValueError(f"{path} must hold an RSA private key of {LEAST_KEY_BITS} bits or more")
    return key
