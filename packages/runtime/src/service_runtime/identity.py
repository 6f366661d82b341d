"""Who calls: the identity that an access token proves, and the verifier that proves it."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from uuid import UUID

import jwt

from service_runtime.errors import Unauthenticated
from service_runtime.key_set import KeySet

Role = Literal["viewer", "user", "admin"]
# Each role has every right of those before it.
ROLE_ORDER: tuple[Role, ...] = get_args(Role)

Kind = Literal["person", "program", "service"]

LEEWAY_SECONDS = 30
MOST_REMEMBERED = 4096
_NEEDED_CLAIMS = ["iss", "aud", "sub", "tenant_id", "iat", "exp", "token_use"]


@dataclass(frozen=True)
class Identity:
    """The person, program or service that calls, as its token says. `token` is there to call on in its name."""

    subject: str
    tenant_id: UUID
    role: Role
    username: str
    timezone: str
    session_id: str
    token: str = field(repr=False)
    kind: Kind = "person"
    # Of the person's rights; revocations name the lowest that still holds.
    access_version: int = 0
    # The one service that a service's token is for.
    target: str = ""
    # The operator's own programs are not counted; only who signs tokens can say so.
    unlimited: bool = False


current_identity: ContextVar[Identity | None] = ContextVar("current_identity", default=None)


def caller() -> Identity:
    """Gives the identity behind the request that is being served."""
    identity = current_identity.get()
    if identity is None:
        raise Unauthenticated("TOKEN_REQUIRED", "An access token is required.")
    return identity


def optional_caller() -> Identity | None:
    """Gives the identity where there is one: a public rpc may be called without."""
    return current_identity.get()


def has_role(identity: Identity, least_role: str) -> bool:
    """Tells whether an identity has at least a role; nobody has a role that does not exist."""
    return least_role in ROLE_ORDER and ROLE_ORDER.index(identity.role) >= ROLE_ORDER.index(least_role)


class TokenVerifier:
    """Checks access tokens (RS256 only) against the signer's published keys and remembers the good ones."""

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
            raise _expired()
        claims = await self._claims(token)
        identity = _identity(claims, token)
        self._remembered[token] = (identity, float(claims["exp"]) + LEEWAY_SECONDS)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return identity

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise _invalid() from error
        key = await self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise _invalid()
        try:
            # Times are checked below against our own clock.
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": _NEEDED_CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            self._check_times(claims)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid() from error
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        if now >= float(claims["exp"]) + LEEWAY_SECONDS:
            raise _expired()
        if now < max(float(claims["iat"]), float(claims.get("nbf", 0))) - LEEWAY_SECONDS:
            raise _invalid()


def _identity(claims: Mapping[str, Any], token: str) -> Identity:
    """Reads an identity from claims that are signed; each has exactly the type that the signer gives it."""
    try:
        use, tenant_id = claims["token_use"], UUID(_text(claims, "tenant_id"))
        if use == "service":
            return _service(claims, tenant_id, token)
        role, kind, version = claims["role"], claims.get("kind", "person"), claims.get("ver", 0)
        if use != "access" or role not in ROLE_ORDER or kind not in ("person", "program"):
            raise _invalid()
        if type(version) is not int or version < 0:
            raise _invalid()
        return Identity(
            subject=_text(claims, "sub"),
            tenant_id=tenant_id,
            role=role,
            username=str(claims.get("username", "")),
            timezone=str(claims.get("tz", "UTC")),
            session_id=_text(claims, "sid"),
            token=token,
            kind=kind,
            access_version=version,
            unlimited=claims.get("unlimited") is True,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise _invalid() from error


def _service(claims: Mapping[str, Any], tenant_id: UUID, token: str) -> Identity:
    subject = _text(claims, "sub")
    return Identity(
        subject=subject,
        tenant_id=tenant_id,
        # What a service may do depends on no role; this one is the least.
        role="viewer",
        username=subject,
        timezone="UTC",
        session_id="",
        token=token,
        kind="service",
        target=_text(claims, "target"),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _invalid() -> Unauthenticated:
    return Unauthenticated("TOKEN_INVALID", "The access token is not valid.")


def _expired() -> Unauthenticated:
    return Unauthenticated("TOKEN_EXPIRED", "The access token has expired.")
