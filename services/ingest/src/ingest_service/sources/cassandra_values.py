"""Cassandra's values as text, and back where they order the rows of a table."""

import json
import math
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from cassandra.util import Date, SortedSet

# The driver's own set is none of Python's.
_SEVERAL = Set | SortedSet | list | tuple
_WHOLE = frozenset(("tinyint", "smallint", "int", "bigint", "varint"))


def as_text(value: Any) -> str:
    """Gives a value as a cell; bytes as hexadecimal digits, lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.isoformat(sep=' ', timespec='milliseconds')}+00"
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, Mapping | _SEVERAL) or hasattr(value, "_asdict"):
        return json.dumps(_plain(value), ensure_ascii=False)
    # A decimal of Python may write itself with an exponent.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def from_text(cql_type: str, text: str) -> Any:
    """Reads the text of a value of an ordered type."""
    if cql_type == "timestamp":
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    if cql_type == "date":
        return Date(text)
    if cql_type == "timeuuid":
        return UUID(text)
    if cql_type == "decimal":
        return Decimal(text)
    return int(text) if cql_type in _WHOLE else text


def order_key(value: Any) -> Any:
    """Orders as Cassandra does: a UUID by its time, a text by its bytes."""
    if isinstance(value, UUID):
        return value.time
    return value.encode() if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {as_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, _SEVERAL):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no such number.
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else as_text(value)
