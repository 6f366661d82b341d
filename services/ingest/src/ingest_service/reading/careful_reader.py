"""Reads rows one by one where the fast reader cannot, and goes on behind what cannot be read."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service_runtime.errors import InvalidArgument

from ingest_service.reading.dialect import Dialect
from ingest_service.reading.lines import LARGEST_ROW, Line, physical_lines
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.row_cells import CellParser, MisplacedError, UnclosedError

_NEVER_ENDS = "a quote opens a cell that never ends"
_GOES_ON = "a quoted cell goes on behind its quote"
_MAY_ENCLOSE = "a quote within a cell may enclose a delimiter"
# How much is read ahead in vain, over a whole file, for cells that never end.
_MOST_IN_VAIN = 1 << 28
# Lines of one row, and of one whose quotes are not in order.
_MOST_LINES, _FEW_LINES = 20_000, 100
_SHOWN = 100


@dataclass(frozen=True)
class CarefulRow:
    """A row's cells and where it stands; `stray` tells that quotes which do not pair were taken for text."""

    cells: list[str]
    line: int
    start: int
    size: int
    stray: bool = False


class CarefulReader:
    """Rows and rejections of a UTF-8 file from a place where a row begins.

    `width` says how many cells rows should have, 0 where that is not known yet: it decides between the readings of a
    row whose quotes do not pair. `place` and `line` say where the next row begins.
    """

    def __init__(self, path: Path, start: int, line: int, dialect: Dialect, *, width: int = 0, end: int = -1) -> None:
        self._lines = physical_lines(path, start, line, end)
        self._dialect = dialect
        self._parser = CellParser(dialect)
        self._width = width
        self._put_back: deque[Line] = deque()
        self._taken: list[Line] = []
        self._size = 0
        self._in_vain = 0
        self._most_lines = _MOST_LINES
        self.place, self.line = start, line

    def rows(self) -> Iterator[CarefulRow | Rejection]:
        quote, delimiter = self._dialect.quote, self._dialect.delimiter
        while (line := self._next_line()) is not None:
            self._taken, self._size = [line], line.size
            if line.too_long:
                self._passed(line)
                reason = f"the line is longer than {LARGEST_ROW} bytes"
                yield Rejection(line.number, "", "", reason, line.start, line.size)
            elif quote in line.text or self._dialect.skip_space:
                yield from self._quoted_row(line)
            else:
                self._passed(line)
                if text := line.text.rstrip("\r\n"):
                    yield CarefulRow(text.split(delimiter), line.number, line.start, line.size)

    def _next_line(self) -> Line | None:
        return self._put_back.popleft() if self._put_back else next(self._lines, None)

    def _passed(self, line: Line) -> None:
        self.place, self.line = line.start + line.size, line.number + 1

    def _quoted_row(self, line: Line) -> Iterator[CarefulRow | Rejection]:
        if not line.text.strip("\r\n"):
            self._passed(line)
            return
        fault = ""
        plain: list[str] = []
        try:
            plain = self._parser.strict(line.text, self._more)
        except (UnclosedError, MisplacedError) as error:
            fault = _NEVER_ENDS if isinstance(error, UnclosedError) else _GOES_ON
        if plain and len(plain) == (self._width or len(plain)):
            row = self._row(plain, self._taken)
            if self._width and self._parser.may_enclose(line.text):
                yield Rejection(row.line, "", line.text[:_SHOWN].rstrip("\r\n"), _MAY_ENCLOSE, row.start, row.size)
            else:
                yield row
            return
        taken = self._taken
        # A last line without an end has lost what would have closed its cell.
        is_cut = fault == _NEVER_ENDS and not line.text.endswith(("\r", "\n"))
        other = None if is_cut or not self._width else self._other_reading(line)
        if other is not None:
            yield other
        elif plain:
            self._again(taken)
            yield self._row(plain, taken)
        else:
            self._again([line])
            self._passed(line)
            yield Rejection(line.number, "", line.text[:_SHOWN].rstrip("\r\n"), fault, line.start, line.size)

    def _other_reading(self, line: Line) -> CarefulRow | None:
        """Reads a row with some of its quotes as text, where that gives as many cells as there should be."""
        self._again([line])
        self._most_lines = _FEW_LINES
        try:
            cells = self._parser.inner_quotes(line.text, self._more)
            if len(cells) == self._width:
                return self._row(cells, self._taken, stray=True)
        except (UnclosedError, MisplacedError):
            pass
        finally:
            self._most_lines = _MOST_LINES
        self._again([line])
        cells = self._parser.opening_quotes(line.text)
        return self._row(cells, [line], stray=True) if len(cells) == self._width else None

    def _row(self, cells: list[str], taken: list[Line], *, stray: bool = False) -> CarefulRow:
        first, last = taken[0], taken[-1]
        self._passed(last)
        return CarefulRow(cells, first.number, first.start, last.start + last.size - first.start, stray)

    def _again(self, kept: list[Line]) -> None:
        """Goes back to where only these lines of the row have been taken, or further to where they have all been."""
        if len(kept) < len(self._taken):
            self._put_back.extendleft(reversed(self._taken[len(kept) :]))
        else:
            for _ in kept[len(self._taken) :]:
                self._next_line()
        self._taken, self._size = list(kept), sum(line.size for line in kept)

    def _more(self) -> str:
        """Gives the next line, for a cell that does not end on the one before."""
        line = self._next_line()
        is_too_much = len(self._taken) >= self._most_lines or (line and self._size + line.size > LARGEST_ROW)
        if line is None or line.too_long or is_too_much:
            if line is not None:
                self._put_back.appendleft(line)
            self._in_vain += self._size
            if self._in_vain > _MOST_IN_VAIN:
                raise InvalidArgument("UNREADABLE_FILE", "Too many rows have quotes that do not close.")
            raise UnclosedError
        self._taken.append(line)
        self._size += line.size
        return line.text
