"""Page tokens: opaque, and good only for the tenant and the query that they were made for."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service_runtime.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 1000


def page_size(asked: int) -> int:
    """Gives the size of a page: the default for 0, never more than the largest."""
    return min(asked or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


def encode_page_token(tenant_id: UUID, query: Mapping[str, object], position: Any) -> str:
    """Makes the token of the page after `position`, any JSON value; `query` is all that selects and sorts the rows."""
    data = json.dumps([_fingerprint(tenant_id, query), position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_page_token(token: str, tenant_id: UUID, query: Mapping[str, object]) -> Any:
    """Gives the position that a token was made from, or None for an empty token."""
    if not token:
        return None
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        fingerprint, position = json.loads(data)
    except (ValueError, TypeError) as error:
        raise _bad_token() from error
    if fingerprint != _fingerprint(tenant_id, query):
        raise _bad_token()
    return position


def _fingerprint(tenant_id: UUID, query: Mapping[str, object]) -> str:
    text = json.dumps([str(tenant_id), sorted((name, str(value)) for name, value in query.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bad_token() -> InvalidArgument:
    return InvalidArgument("BAD_PAGE_TOKEN", "The page token does not belong to this query.")
