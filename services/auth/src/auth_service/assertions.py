"""What a service says to prove itself: a token signed with its own key, good for a minute at most."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from auth_service.service_keys import ServiceKeys

AUDIENCE = "atalaya-auth"
_LONGEST_LIFE = timedelta(seconds=60)
_LONGEST_ID = 128


class BadAssertion(Exception):
    """The assertion proves nothing; whoever sent it is not told why."""


@dataclass(frozen=True)
class Assertion:
    """A proof that has held. It may be used once, so its id is remembered until it expires."""

    service: str
    assertion_id: str
    expires_at: datetime


def verify(text: str, keys: ServiceKeys, now: datetime) -> Assertion:
    """Gives what an assertion proves, or raises BadAssertion."""
    claims = _claims(text, keys)
    service, assertion_id, expires = claims["iss"], claims["jti"], claims["exp"]
    if claims["sub"] != service or not isinstance(assertion_id, str) or not 0 < len(assertion_id) <= _LONGEST_ID:
        raise BadAssertion
    # PostgreSQL takes no NUL.
    if not assertion_id.isprintable() or isinstance(expires, bool) or not isinstance(expires, int | float):
        raise BadAssertion
    # Compared as numbers: a time may be too large for a date.
    if not now.timestamp() < expires <= (now + _LONGEST_LIFE).timestamp():
        raise BadAssertion
    return Assertion(service, assertion_id, datetime.fromtimestamp(expires, UTC))


def _claims(text: str, keys: ServiceKeys) -> dict[str, Any]:
    try:
        # Who it is from is needed to find the keys; they then prove it.
        service = jwt.decode(text, options={"verify_signature": False}).get("iss")
    # Lists within lists without end are no token either.
    except (jwt.PyJWTError, RecursionError) as error:
        raise BadAssertion from error
    for key in keys.get(service, ()) if isinstance(service, str) else ():
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                key,
                algorithms=["RS256"],
                audience=AUDIENCE,
                issuer=service,
                # Times are checked against our own clock.
                options={
                    "require": ["iss", "sub", "aud", "jti", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError:
            continue
        return claims
    raise BadAssertion
