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


def physical_lines(path: Path, start: int, number: int, end: int = -1) -> Iterator[Line]:
    """Gives the lines from a place on, up to another (-1: the file's end); they may end in CR, LF or both."""
    with path.open("rb") as file:
        file.seek(start)
        held, place = b"", start
        too_long_from = -1
        while True:
            piece = file.read(_PIECE if end < 0 else max(0, min(_PIECE, end - file.tell())))
            held += piece
            # A return at the end may be half of a line end.
            ready = not piece or not held.endswith(b"\r")
            parts = held.splitlines(keepends=True) if ready else held[:-1].splitlines(keepends=True)
            tail = b"" if ready else b"\r"
            if parts and piece and not parts[-1].endswith((b"\n", b"\r")):
                tail = parts.pop() + tail
            for part in parts:
                if too_long_from >= 0:
                    yield Line(" ", too_long_from, place + len(part) - too_long_from, number, too_long=True)
                    too_long_from = -1
                elif len(part) > LARGEST_ROW:
                    yield Line(" ", place, len(part), number, too_long=True)
                else:
                    yield Line(part.decode(errors="replace"), place, len(part), number)
                place += len(part)
                number += 1
            held = tail
            if len(held) > LARGEST_ROW:
                too_long_from = place if too_long_from < 0 else too_long_from
                place += len(held) - 1
                held = held[-1:]
            if not piece:
                if too_long_from >= 0:
                    yield Line(" ", too_long_from, place - too_long_from, number, too_long=True)
                return


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
