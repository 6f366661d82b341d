"""Reads files that the fast reader refuses, row by row with Python's csv, and goes on behind what cannot be read."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service_runtime.errors import InvalidArgument

from ingest_service.reading.dialect import Dialect
from ingest_service.reading.rejection import Rejection

# No row of a real table is longer; what is, has lost a quote or a line end.
LARGEST_ROW = 4 << 20
_PIECE = 1 << 20
_MOST_UNCLOSED = 1000
csv.field_size_limit(LARGEST_ROW * 2)


@dataclass(frozen=True)
class CarefulRow:
    """A row's cells and where it stands."""

    cells: list[str]
    line: int
    start: int
    size: int


@dataclass(frozen=True)
class _Line:
    text: str
    start: int
    size: int
    number: int
    too_long: bool = False


class _NeverClosedError(Exception):
    """A quoted cell runs to the end of the file, or further than any row does."""


class CarefulReader:
    """Rows and rejections of a UTF-8 file from a place where a row begins."""

    def __init__(self, path: Path, start: int, line: int, dialect: Dialect) -> None:
        self._lines = _physical_lines(path, start, line)
        self._dialect = dialect
        self._put_back: deque[_Line] = deque()
        self._taken: list[_Line] = []
        self._unclosed = 0

    def rows(self) -> Iterator[CarefulRow | Rejection]:
        reader = self._dialect.reader(self._fed())
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (_NeverClosedError, csv.Error) as error:
                yield self._reject(str(error))
                reader = self._dialect.reader(self._fed())
                continue
            first, last = self._taken[0], self._taken[-1]
            if first.too_long:
                reason = f"the line is longer than {LARGEST_ROW} bytes"
                yield Rejection(first.number, "", "", reason, first.start, first.size)
            elif cells:
                yield CarefulRow(cells, first.number, first.start, last.start + last.size - first.start)

    def _fed(self) -> Iterator[str]:
        """Feeds lines to the csv reader, which asks for more than one only inside quotes."""
        size = 0
        while True:
            line = self._put_back.popleft() if self._put_back else next(self._lines, None)
            if not self._taken:
                size = 0
            if line is None:
                if self._taken:
                    raise _NeverClosedError("a quote opens a cell that never ends")
                return
            if line.too_long and self._taken:
                self._put_back.append(line)
                raise _NeverClosedError("a quote opens a cell that never ends")
            self._taken.append(line)
            size += line.size
            if size > LARGEST_ROW and len(self._taken) > 1:
                raise _NeverClosedError("a quote opens a cell that never ends")
            yield line.text

    def _reject(self, reason: str) -> Rejection:
        self._unclosed += 1
        if self._unclosed > _MOST_UNCLOSED:
            raise InvalidArgument(
                "UNREADABLE_FILE",
                f"More than {_MOST_UNCLOSED} rows have quotes that do not close.",
            )
        first, *rest = self._taken
        self._put_back.extendleft(reversed(rest))
        return Rejection(first.number, "", first.text[:1000].rstrip("\r\n"), reason, first.start, first.size)


def _physical_lines(path: Path, start: int, number: int) -> Iterator[_Line]:
    """Gives lines with their ends; of a line that is too long only its size."""
    with path.open("rb") as file:
        file.seek(start)
        held, place = b"", start
        too_long_from = -1
        while True:
            piece = file.read(_PIECE)
            held += piece
            # A return at the end may be half of a line end.
            ready = not piece or not held.endswith(b"\r")
            parts = held.splitlines(keepends=True) if ready else held[:-1].splitlines(keepends=True)
            tail = b"" if ready else b"\r"
            if parts and piece and not parts[-1].endswith((b"\n", b"\r")):
                tail = parts.pop() + tail
            for part in parts:
                if too_long_from >= 0:
                    yield _Line(" ", too_long_from, place + len(part) - too_long_from, number, too_long=True)
                    too_long_from = -1
                elif len(part) > LARGEST_ROW:
                    yield _Line(" ", place, len(part), number, too_long=True)
                else:
                    yield _Line(part.decode(errors="replace"), place, len(part), number)
                place += len(part)
                number += 1
            held = tail
            if len(held) > LARGEST_ROW:
                too_long_from = place if too_long_from < 0 else too_long_from
                place += len(held) - 1
                held = held[-1:]
            if not piece:
                if too_long_from >= 0:
                    yield _Line(" ", too_long_from, place - too_long_from, number, too_long=True)
                return
