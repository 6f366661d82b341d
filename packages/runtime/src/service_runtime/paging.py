"""Page tokens: opaque, and good only for the tenant and the query that they were made for."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from service_runtime.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 1000
_LARGEST_NUMBER = 2**31 - 1

Position = TypeVar("Position")


def page_size(asked: int) -> int:
    """Gives the size of a page: the default for 0, never more than the largest."""
    return min(asked or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


def encode_page_token(tenant_id: UUID, query: Mapping[str, object], position: Any) -> str:
    """Makes the token of the page after `position`, any JSON value; `query` is all that selects and sorts the rows."""
    data = json.dumps([_fingerprint(tenant_id, query), position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_page_token(
    token: str, tenant_id: UUID, query: Mapping[str, object], read: Callable[[Any], Position]
) -> Position | None:
    """Gives the position that a token was made from, as `read` makes it of the JSON value; None for an empty token.

    Whoever knows the query can write a token, so `read` must raise where the value is none of its positions.
    """
    if not token:
        return None
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        fingerprint, position = json.loads(data)
        if fingerprint != _fingerprint(tenant_id, query):
            raise _bad_token()
        return read(position)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise _bad_token() from error


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


def _fingerprint(tenant_id: UUID, query: Mapping[str, object]) -> str:
    text = json.dumps([str(tenant_id), sorted((name, str(value)) for name, value in query.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bad_token() -> InvalidArgument:
    return InvalidArgument("BAD_PAGE_TOKEN", "The page token does not belong to this query.")
