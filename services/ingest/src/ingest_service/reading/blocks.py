"""Cuts a block of bytes into rows without looking at single bytes in Python."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest_service.reading.dialect import Dialect

_LINE_FEED, _RETURN = 10, 13
_Places = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows of a block that are not blank: where each begins, its size, its line within the block (from 0).

    `end` is where the last whole row ends; `lines` counts the line ends up to there. `regular` is False where quotes
    stand in places that only a careful reader understands: then the rest says nothing.
    """

    starts: _Places
    sizes: _Places
    line_of: _Places
    end: int
    lines: int
    regular: bool


def cut(block: bytes, dialect: Dialect, *, final: bool) -> Rows:
    """Finds the whole rows of a block that begins at a row."""
    cells = np.frombuffer(block, np.uint8)
    ends = line_ends(cells, final=final)
    if final and (not len(ends) or ends[-1] != len(cells) - 1) and len(cells):
        # The last line of a file need not end.
        ends = np.append(ends, len(cells))
    quotes = np.flatnonzero(cells == ord(dialect.quote))
    row_ends = ends
    if len(quotes):
        row_ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    if not len(row_ends):
        return Rows(*(np.zeros(0, np.int64),) * 3, end=0, lines=0, regular=not (final and len(cells)))
    end = min(int(row_ends[-1]) + 1, len(cells))
    quotes = quotes[quotes < end]
    regular = _regular(cells, quotes, ord(dialect.delimiter)) and not (final and end < len(cells))
    starts = np.concatenate([np.zeros(1, np.int64), row_ends[:-1] + 1])
    sizes = row_ends - starts
    # A line end of two bytes: the row does not have the first of them.
    has_return = (sizes > 0) & (cells[np.maximum(row_ends - 1, 0)] == _RETURN)
    sizes = sizes - has_return
    line_of = np.searchsorted(ends, starts)
    written = sizes > 0
    lines = int(np.searchsorted(ends, row_ends[-1], side="right"))
    return Rows(starts[written], sizes[written], line_of[written], end, lines, regular)


@dataclass(frozen=True)
class Sorted:
    """A block without its rows of another width, and which of its rows these are, with their widths; the others keep
    their places."""

    kept: bytes
    is_bad: NDArray[np.bool_]
    widths: _Places


def without_bad_rows(block: bytes, rows: Rows, dialect: Dialect, width: int) -> Sorted | None:
    """Takes rows with another number of cells out of a regular block; None where one of them has several lines, since
    its quotes may be text: that is for the careful reader to tell."""
    cells = np.frombuffer(block, np.uint8)[: rows.end]
    delimiters = np.flatnonzero(cells == ord(dialect.delimiter))
    quotes = np.flatnonzero(cells == ord(dialect.quote))
    if len(quotes):
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    ends = rows.starts + rows.sizes
    widths = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, rows.starts) + 1
    is_bad = widths != width
    if len(quotes):
        breaks = np.flatnonzero((cells == _LINE_FEED) | (cells == _RETURN))
        has_lines = np.searchsorted(breaks, ends) > np.searchsorted(breaks, rows.starts)
        if (is_bad & has_lines).any():
            return None
    # What is left of a row that is taken out is its line end, and a blank line is no row.
    steps = np.zeros(len(cells) + 1, np.int8)
    steps[rows.starts[is_bad]] = 1
    steps[ends[is_bad]] -= 1
    kept = cells[np.cumsum(steps[:-1], dtype=np.int8) == 0]
    return Sorted(kept.tobytes(), is_bad, widths)


def line_ends(cells: NDArray[np.uint8], *, final: bool) -> _Places:
    """Finds the last byte of each line end: CR, LF or both."""
    feeds = cells == _LINE_FEED
    returns = cells == _RETURN
    if not returns.any():
        return np.flatnonzero(feeds)
    # A return counts by itself only where no line feed follows; at the block's end that is not known yet.
    alone = returns.copy()
    alone[:-1] &= ~feeds[1:]
    if not final:
        alone[-1] = False
    return np.flatnonzero(feeds | alone)


def _regular(cells: NDArray[np.uint8], quotes: _Places, delimiter: int) -> bool:
    """Tells whether every quote opens a cell, closes one, or is doubled."""
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = cells[np.maximum(opening - 1, 0)]
    doubled = np.zeros(len(opening), bool)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    opens = (opening == 0) | (before == delimiter) | (before == _LINE_FEED) | (before == _RETURN) | doubled
    at_end = closing + 1 >= len(cells)
    after = cells[np.minimum(closing + 1, len(cells) - 1)]
    doubles = np.append(doubled[1:], False)
    closes = at_end | (after == delimiter) | (after == _LINE_FEED) | (after == _RETURN) | doubles
    return bool(opens.all() and closes.all())
