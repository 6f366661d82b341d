"""Page tokens: signed, and good only for the tenant and the query that they were made for."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service_runtime.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 1000
_LARGEST_NUMBER = 2**31 - 1
_SIGNATURE_BYTES = 32

Position = TypeVar("Position")


def page_size(asked: int) -> int:
    """Gives the size of a page: the default for 0, never more than the largest."""
    return min(asked or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


class PageTokens:
    """Makes page tokens and reads them; each is signed, together with the tenant and the query that it is good for."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def by_key_file(cls, private_key_file: str) -> Self:
        """Signs by the private key that all replicas of a service have; without one, by what ends with the process."""
        if not private_key_file:
            return cls(secrets.token_bytes(_SIGNATURE_BYTES))
        secret = Path(private_key_file).read_bytes()
        return cls(HKDF(SHA256(), _SIGNATURE_BYTES, salt=None, info=b"page tokens").derive(secret))

    def encode(self, tenant_id: UUID, query: Mapping[str, object], position: Any) -> str:
        """Makes the token of the page after `position`, any JSON value; `query` is all that selects and sorts."""
        place = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(tenant_id, query, place) + place).decode().rstrip("=")

    def decode(
        self, token: str, tenant_id: UUID, query: Mapping[str, object], read: Callable[[Any], Position]
    ) -> Position | None:
        """Gives the position that a token was made from, as `read` makes it of the JSON value; None for an empty token.

        Raises BAD_PAGE_TOKEN for any other token, and where `read` raises: an older release may have made it.
        """
        if not token:
            return None
        try:
            data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            signature, place = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
            if not hmac.compare_digest(signature, self._signature(tenant_id, query, place)):
                raise _bad_token()
            return read(json.loads(place))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise _bad_token() from error

    def _signature(self, tenant_id: UUID, query: Mapping[str, object], place: bytes) -> bytes:
        about = json.dumps([str(tenant_id), sorted((name, str(value)) for name, value in query.items())])
        return hmac.digest(self._key, b"\0".join((about.encode(), place)), "sha256")


def text_position(value: Any) -> str:
    """Reads a position that is a text which a database takes."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text")
    # Raises where half of a surrogate pair is in it.
    value.encode()
    return value


def number_position(value: Any) -> int:
    """Reads a position that is a whole number from 0 to 2^31-1."""
    if type(value) is not int or not 0 <= value <= _LARGEST_NUMBER:
        raise ValueError("not a number")
    return value


def id_position(value: Any) -> UUID:
    """Reads a position that is an id."""
    return UUID(text_position(value))


def _bad_token() -> InvalidArgument:
    return InvalidArgument("BAD_PAGE_TOKEN", "The page token does not belong to this query.")
