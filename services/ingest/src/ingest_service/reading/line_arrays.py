"""The lines of a piece of a file as arrays, and by their first and last letters which of them are no JSON objects."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ingest_service.reading.blocks import line_ends
from ingest_service.reading.lines import LARGEST_ROW, Line, Piece

_ASCII = 128
# What is left out around a line; other spaces than those of ASCII are for the reader of the line to tell.
_IS_SPACE = np.isin(np.arange(256), [*range(9, 14), *range(28, 33)])


class LineArrays:
    """Lines of a piece, the first of which has the number `number`: where in the piece each begins and ends.

    `written` says which are not blank, `is_bad` which of these are no rows.
    """

    def __init__(self, piece: Piece, number: int) -> None:
        self.piece = piece
        self.number = number
        cells = np.frombuffer(piece.data, np.uint8)
        ends = line_ends(cells, final=True) + 1
        if not len(ends) or ends[-1] < len(cells):
            ends = np.append(ends, len(cells))
        self.starts, self.ends = np.concatenate([np.zeros(1, np.int64), ends[:-1]]), ends
        self.sizes = self.ends - self.starts
        # Of a line whose beginning is in pieces before.
        self.sizes[0] += piece.start - piece.begun
        self.too_long = self.sizes > LARGEST_ROW
        self.written, is_object = self._looked_at(cells)
        self.is_bad = self.written & (~is_object | self.too_long)

    def __len__(self) -> int:
        return len(self.starts)

    def _looked_at(self, cells: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tells which lines have letters, and which of these may be objects."""
        letters = np.flatnonzero(~_IS_SPACE[cells])
        first, behind = np.searchsorted(letters, self.starts), np.searchsorted(letters, self.ends)
        written = (behind > first) | self.too_long
        if not len(letters):
            return written, written
        begins = cells[letters[np.minimum(first, len(letters) - 1)]]
        closes = cells[letters[np.maximum(behind - 1, 0)]]
        may_begin = (begins == ord("{")) | (begins >= _ASCII)
        return written, may_begin & ((closes == ord("}")) | (closes >= _ASCII))

    def candidates(self) -> Iterator[int]:
        """Gives the places of lines that may be rows."""
        return map(int, np.flatnonzero(self.written & ~self.is_bad))

    def text(self, place: int) -> str:
        """Gives a line without the spaces around it."""
        return self.piece.data[self.starts[place] : self.ends[place]].decode(errors="replace").strip()

    def line(self, place: int) -> Line:
        too_long = bool(self.too_long[place])
        text = " " if too_long else self.text(place)
        return Line(text, self.start(place), int(self.sizes[place]), self.number + place, too_long)

    def start(self, place: int) -> int:
        """Says where in the file a line begins."""
        return self.piece.start + int(self.starts[place]) if place else self.piece.begun
