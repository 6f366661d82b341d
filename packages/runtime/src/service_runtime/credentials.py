"""What a call brings to prove who makes it: an access token, an API key, or nothing."""

from dataclasses import dataclass, field

from service_runtime.api_keys import KEY_PREFIX
from service_runtime.errors import Unauthenticated
from service_runtime.request import Request


@dataclass(frozen=True)
class Credential:
    """A token or a key, as it came."""

    value: str = field(repr=False)
    is_key: bool


def read_credential(request: Request) -> Credential | None:
    """Finds the call's credential; one that brings two is refused, for nobody knows which of them is meant."""
    bearer, key = _bearer(request), request.metadata.get("x-api-key")
    if bearer is not None and key is not None:
        raise Unauthenticated("AMBIGUOUS_CREDENTIALS", "Send either an access token or an API key, not both.")
    if key is not None:
        return Credential(key.strip(), is_key=True)
    return None if bearer is None else Credential(bearer, is_key=bearer.startswith(KEY_PREFIX))


def _bearer(request: Request) -> str | None:
    header = request.metadata.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("TOKEN_INVALID", "The authorization header must be a bearer token.")
    return token.strip()
