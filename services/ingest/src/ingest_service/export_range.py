"""The part of a file that a caller asks for, as in the header Range of RFC 9110."""

import re
from dataclasses import dataclass

from service_runtime.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)", re.IGNORECASE | re.ASCII)
# More digits than any file has bytes.
_MOST_DIGITS = 18


@dataclass(frozen=True)
class AskedRange:
    """What a call says of a range: by field, where it must be one, or by header, which may be passed over."""

    field: str = ""
    header: str = ""
    # The version of the file that the header is about: any where empty.
    if_range: str = ""


@dataclass(frozen=True)
class ByteRange:
    """Bytes from `start` up to and without `end`; `is_part` where they were asked for as a range."""

    start: int
    end: int
    is_part: bool = False


def wanted_range(asked: AskedRange, size: int, etag: str) -> ByteRange:
    """Gives the bytes to send; BAD_RANGE where the file has none of them."""
    text = asked.field or (asked.header if asked.if_range in ("", etag) else "")
    if not text:
        return ByteRange(0, size)
    places = _places(text.strip(), size)
    if places is None and not asked.field:
        # Other units, several ranges, and what is none at all: the whole file is the answer then.
        return ByteRange(0, size)
    if places is None:
        # Given the whole file, who has no header to look at would put it where the part belongs.
        raise RangeNotSatisfiable("BAD_RANGE", "range must be one range of bytes, as in bytes=1000-1999.", size)
    start, end = places
    if start >= end:
        raise RangeNotSatisfiable("BAD_RANGE", f"The file has {size} bytes, and none of those.", size)
    return ByteRange(start, end, is_part=True)


def _places(text: str, size: int) -> tuple[int, int] | None:
    """Reads one range; None where it is no such thing."""
    found = _ONE_RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - _number(found[2])), size
    if not found[2]:
        return _number(found[1]), size
    first, last = _number(found[1]), _number(found[2])
    return (first, min(size, last + 1)) if first <= last else None


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
