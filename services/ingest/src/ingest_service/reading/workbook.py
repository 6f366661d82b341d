"""A sheet of an XLSX workbook as a table of texts, read cell by cell."""

import errno
import json
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import pyarrow as pa
from openpyxl.reader import excel
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from service_runtime.errors import InvalidArgument, PayloadTooLarge

from ingest_service.reading.layout import Layout, find_layout
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.row_finder import RowFinder
from ingest_service.reading.sniffing import KnownNames
from ingest_service.reading.table import Batch, batch_schema
from ingest_service.reading.table_file import WIDEST

_ROWS, _BYTES = 5000, 2 << 20
_SAMPLE_ROWS = 300
# What the format allows; a sheet that counts further only costs time.
_LAST_ROW = 1_048_576
# The different texts of a workbook are the one part of it that must be in memory.
_MOST_SHARED = 64 << 20
# What XML cannot hold, and the beginning of what looks like this; halves of pairs are no characters.
_ESCAPED = re.compile("_x((?![dD][89a-fA-F])[0-9A-Fa-f]{4})_")
_BROKEN = (KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError, NotImplementedError, ParseError,
           zipfile.BadZipFile, zlib.error, OverflowError, RuntimeError, OSError)  # fmt: skip

Row = tuple[int, list[str]]


class _Sheet(ReadOnlyWorksheet):  # type: ignore[misc]
    """A sheet that is not asked for its size, which may be wrong, and for which one that does not tell it would be read
    to its end each time that the workbook is opened."""

    def _get_size(self) -> None:
        pass


excel.ReadOnlyWorksheet = _Sheet


class WorkbookTable:
    """A sheet; a row's line is its number in the sheet."""

    def __init__(self, path: Path, sheet: str, largest: int, known_names: KnownNames) -> None:
        self._path = path
        self._check_sizes(largest)
        self._sheet, first = self._find_sheet(sheet)
        self.part = "" if self._sheet == first else self._sheet
        self._layout, self._header_line = self._find_header(known_names)
        self.header = self._layout.names
        self._width = len(self.header) - self._layout.ends_early
        self._finder = RowFinder(self._texts_of_rows)

    def told(self) -> dict[str, str]:
        return {"sheet": self._sheet, **self._layout.told}

    def raw(self, rejection: Rejection, most: int) -> str:
        return self._finder.find(rejection.line)[:most]

    def cells(self, text: str) -> list[str]:
        cells: list[str] = json.loads(text)
        while len(cells) > len(self.header) and not cells[-1]:
            cells.pop()
        return cells + [""] * (len(self.header) - len(cells))

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        rows: list[Row] = []
        rejections: list[Rejection] = []
        size = 0
        for number, cells in self._rows():
            if number <= self._header_line:
                continue
            if any(cells[self._width :]):
                reason = f"has {len(cells)} cells, the header {self._width}"
                rejections.append(Rejection(number, "", "", reason, number, 0))
            else:
                rows.append((number, cells))
            size += sum(map(len, cells))
            if len(rows) + len(rejections) >= _ROWS or size > _BYTES:
                yield _batch(rows, rejections, columns)
                rows, rejections, size = [], [], 0
        if rows or rejections:
            yield _batch(rows, rejections, columns)

    def _check_sizes(self, largest: int) -> None:
        with _readable(), zipfile.ZipFile(self._path) as archive:
            parts = archive.infolist()
        # Reading stops where a part is longer than it says, so the sizes can be believed.
        if sum(part.file_size for part in parts) > largest:
            raise PayloadTooLarge("FILE_TOO_LARGE", f"The unpacked workbook has more than {largest} bytes.")
        shared = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
        if shared > _MOST_SHARED:
            message = f"The workbook's different texts have {shared} bytes of at most {_MOST_SHARED}; send it as CSV."
            raise PayloadTooLarge("FILE_TOO_LARGE", message)

    def _find_sheet(self, wanted: str) -> tuple[str, str]:
        """Gives the name of the sheet that is wanted and of the first."""
        with _readable(), self._workbook() as book:
            names = [str(sheet.title) for sheet in book.worksheets]
        if not names or (wanted and wanted not in names):
            told = ", ".join(name[:60] for name in names[:50])
            raise InvalidArgument("SHEET_MISSING", f"The workbook has no sheet `{wanted[:60]}`; it has {told}.")
        return wanted or names[0], names[0]

    def _find_header(self, known_names: KnownNames) -> tuple[Layout, int]:
        first: list[Row] = []
        for row in self._rows():
            first.append(row)
            if len(first) >= _SAMPLE_ROWS:
                break
        if not first:
            raise InvalidArgument("EMPTY_FILE", "The sheet has no rows.")
        width = max(_filled(cells) for _, cells in first)
        layout = find_layout([(cells + [""] * width)[:width] for _, cells in first], known_names)
        if len(layout.names) > WIDEST:
            raise InvalidArgument(
                "UNREADABLE_FILE", f"The sheet has {len(layout.names)} columns; a table has at most {WIDEST}."
            )
        return layout, first[layout.header][0] - (0 if layout.has_header else 1)

    @contextmanager
    def _workbook(self) -> Iterator[Any]:
        with self._path.open("rb") as file:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()

    def _rows(self) -> Iterator[Row]:
        """Gives the rows that have content, and empty ones between them."""
        empty: list[int] = []
        with _readable(), self._workbook() as book:
            sheet = book[self._sheet]
            for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
                if number > _LAST_ROW:
                    raise InvalidArgument("UNREADABLE_FILE", f"The sheet has more than {_LAST_ROW} rows.")
                cells = [_text(value) for value in values]
                if any(cells):
                    yield from ((line, []) for line in empty)
                    empty = []
                    yield number, cells
                else:
                    empty.append(number)

    def _texts_of_rows(self) -> Iterator[tuple[int, str]]:
        for number, cells in self._rows():
            yield number, json.dumps(cells, ensure_ascii=False)


@contextmanager
def _readable() -> Iterator[None]:
    """Tells in words what a damaged or made-up workbook does to its readers."""
    try:
        yield
    except _BROKEN as error:
        # A part that is said to begin before the file is an invalid argument; any other number is the disk's.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InvalidArgument(
            "UNREADABLE_FILE", f"The file cannot be read as XLSX: {type(error).__name__} {str(error)[:200]}"
        ) from error


def _batch(rows: list[Row], rejections: list[Rejection], columns: Sequence[int]) -> Batch:
    numbers = [number for number, _ in rows]
    arrays = [
        pa.array(numbers, pa.int32()),
        pa.array(numbers, pa.int64()),
        pa.array([0] * len(rows), pa.int32()),
        *(
            pa.array([cells[column] if column < len(cells) else "" for _, cells in rows], pa.string())
            for column in columns
        ),
    ]
    last = max([*numbers[-1:], *(row.line for row in rejections[-1:])])
    done = min(0.99, last / _LAST_ROW)
    return Batch(pa.RecordBatch.from_arrays(arrays, schema=batch_schema(len(columns))), rejections, done)


def _filled(cells: list[str]) -> int:
    return max((place + 1 for place, cell in enumerate(cells) if cell), default=0)


def _text(value: Any) -> str:
    """Gives a cell's text: numbers with all their digits, times as ISO."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))
