"""The lines of a text file, never more of them in memory than one that is not too long."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# No row of a real table is longer; what is, has lost a quote or a line end.
LARGEST_ROW = 4 << 20
_PIECE = 1 << 20


class Line(NamedTuple):
    """A line with its end, where it stands, and its number; of one that is too long only that."""

    text: str
    start: int
    size: int
    number: int
    too_long: bool = False


class Piece(NamedTuple):
    """Whole lines as they stand in the file from `start` on; of a first line that is too long only the last bytes are
    there, and `begun` says where it begins."""

    data: bytes
    start: int
    begun: int

    @property
    def end(self) -> int:
        return self.start + len(self.data)


def whole_lines(path: Path, start: int, end: int = -1) -> Iterator[Piece]:
    """Gives the lines from a place on, up to another (-1: the file's end), many at a time; they may end in CR, LF or
    both."""
    with path.open("rb") as file:
        file.seek(start)
        held, place, begun = b"", start, start
        while True:
            read = file.read(_PIECE if end < 0 else max(0, min(_PIECE, end - file.tell())))
            held += read
            # A return at the end may be half of a line end.
            whole = max(held.rfind(b"\n"), held.rfind(b"\r", 0, -1)) + 1 if read else len(held)
            if whole:
                yield Piece(held[:whole], place, begun)
                place, held = place + whole, held[whole:]
                begun = place
            if len(held) > LARGEST_ROW:
                place, held = place + len(held) - 1, held[-1:]
            if not read:
                return


def physical_lines(path: Path, start: int, number: int, end: int = -1) -> Iterator[Line]:
    """Gives the lines from a place on, up to another, one by one, the first of them with this number."""
    for piece in whole_lines(path, start, end):
        place, begun = piece.start, piece.begun
        for part in piece.data.splitlines(keepends=True):
            place += len(part)
            too_long = place - begun > LARGEST_ROW
            yield Line(" " if too_long else part.decode(errors="replace"), begun, place - begun, number, too_long)
            begun = place
            number += 1


def content_end(path: Path, start: int, delimiter: str) -> int:
    """Finds the end of the last line that has more than spaces and delimiters."""
    blank = b" \t\r\n" + delimiter.encode()
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > start:
            begin = max(start, end - _PIECE)
            file.seek(begin)
            if kept := file.read(end - begin).rstrip(blank):
                file.seek(begin + len(kept))
                return _line_end(file.tell(), path)
            end = begin
    return start


def _line_end(place: int, path: Path) -> int:
    with path.open("rb") as file:
        file.seek(place)
        while piece := file.read(_PIECE):
            ends = [at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0]
            if ends:
                at = min(ends)
                return place + at + (2 if piece[at : at + 2] == b"\r\n" else 1)
            place += len(piece)
    return place
