"""Rejected rows as a CSV file: what is wrong with each, and its own cells under the file's own columns."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from ingest_service.import_store import RejectedRow

# Gives rejected rows behind a line, so many at most.
Page = Callable[[int, int], Awaitable[list[RejectedRow]]]
_ROWS_AT_ONCE = 1000
_PIECE = 1 << 18

REPORTED = ("line", "column", "value", "reason")
# As in exports: how a cell begins that spreadsheets take for a formula, unless it is a number.
_FORMULA = re.compile("[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?")


async def pieces(columns: Sequence[str], page: Page, *, raw: bool) -> AsyncIterator[bytes]:
    """Gives the whole file; `raw` leaves cells as they are that a spreadsheet would take for formulas."""
    yield head(columns, raw=raw)
    after = 0
    while rows := await page(after, _ROWS_AT_ONCE):
        after = rows[-1].line
        data = await asyncio.to_thread(rows_as_csv, rows, raw=raw)
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]


def head(columns: Sequence[str], *, raw: bool) -> bytes:
    return _csv([[*REPORTED, *columns]], raw=raw)


def rows_as_csv(rows: Sequence[RejectedRow], *, raw: bool) -> bytes:
    """Gives rows in the file's form; one whose cells cannot be told stands whole in the first of them."""
    told = ([str(row.line), row.column_name, row.value, row.reason, *(row.cells or [row.raw])] for row in rows)
    return _csv(told, raw=raw)


def harmless(cell: str) -> str:
    """Puts an apostrophe before what a spreadsheet would run."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _csv(rows: Iterable[Sequence[str]], *, raw: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows(rows if raw else ([harmless(cell) for cell in row] for row in rows))
    return text.getvalue().encode()
