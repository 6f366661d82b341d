"""What a signed token says: each claim must be there, of the type that the signer gives it, and of now."""

import json
import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service_runtime.errors import Unauthenticated
from service_runtime.identity import ROLE_ORDER, Identity

LEEWAY_SECONDS = 30

Claims = Mapping[str, Any]


class BadClaim(ValueError):
    """A claim is missing, of another type, or for somebody else."""


def read_claims(payload: bytes, issuer: str, audience: str) -> Claims:
    """Reads the claims of a token by the issuer for the audience."""
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadClaim("claims") from error
    if not isinstance(claims, dict):
        raise BadClaim("claims")
    if claims.get("iss") != issuer:
        raise BadClaim("iss")
    for_whom = claims.get("aud")
    if audience not in (for_whom if isinstance(for_whom, list) else [for_whom]):
        raise BadClaim("aud")
    return claims


def check_times(claims: Claims, now: float) -> None:
    """Lets clocks differ a little; the caller is told of a token that has only grown old."""
    expires, begins = _time(claims, "exp"), _time(claims, "iat")
    if "nbf" in claims:
        begins = max(begins, _time(claims, "nbf"))
    if now < begins - LEEWAY_SECONDS:
        raise BadClaim("iat")
    if now >= expires + LEEWAY_SECONDS:
        raise Unauthenticated("TOKEN_EXPIRED", "The access token has expired.")


def expires_at(claims: Claims) -> float:
    """Gives the time from which on a token is refused."""
    return _time(claims, "exp") + LEEWAY_SECONDS


def to_identity(claims: Claims, token: str) -> Identity:
    """Gives the identity that an access token or a service's token stands for."""
    try:
        tenant_id = UUID(_text(claims, "tenant_id"))
    except ValueError as error:
        raise BadClaim("tenant_id") from error
    match claims.get("token_use"):
        case "access":
            return _caller(claims, tenant_id, token)
        case "service":
            return _service(claims, tenant_id, token)
    raise BadClaim("token_use")


def _caller(claims: Claims, tenant_id: UUID, token: str) -> Identity:
    role, kind, version = claims.get("role"), claims.get("kind", "person"), claims.get("ver", 0)
    if role not in ROLE_ORDER or kind not in ("person", "program"):
        raise BadClaim("role")
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise BadClaim("ver")
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


def _service(claims: Claims, tenant_id: UUID, token: str) -> Identity:
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


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise BadClaim(name)
    return value


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadClaim(name)
    return float(value)
