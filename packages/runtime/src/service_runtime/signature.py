"""Signed tokens (compact JWS, RS256 alone), checked by a key that is never the token's own choice."""

from typing import Any

import jwt

# The one algorithm, whatever a token says of itself.
ALGORITHM = "RS256"
# gRPC takes no longer metadata anyway.
MOST_CHARACTERS = 8192
_TYPES = frozenset({"", "jwt", "at+jwt"})
_SIGNATURES = jwt.PyJWS(algorithms=[ALGORITHM])


class BadSignature(ValueError):
    """The text is no token that may be believed."""


def key_id(token: str) -> str:
    """Gives the name of the key that a token says it was signed with; it is for looking up and nothing else."""
    # The library lets padding pass, which a token has none of.
    if len(token) > MOST_CHARACTERS or "=" in token:
        raise BadSignature("not written as a token")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise BadSignature("no header that can be read") from error
    # What is critical must be understood, and nothing is here.
    if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
        raise BadSignature("another algorithm, or more than a signature")
    kind, name = header.get("typ", ""), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in _TYPES or not isinstance(name, str):
        raise BadSignature("another kind of token, or no key")
    return name


def signed_payload(token: str, key: Any) -> bytes:
    """Gives what was signed with the key's private half; raises BadSignature for anything else."""
    key_id(token)
    try:
        payload: bytes = _SIGNATURES.decode(token, key, algorithms=[ALGORITHM])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise BadSignature("not signed with this key") from error
    return payload
