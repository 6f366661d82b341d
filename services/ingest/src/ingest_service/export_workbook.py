"""XLSX: rows go to the disk as they come, texts are never formulas, and what is too much for a sheet takes the next."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.cell import WriteOnlyCell
from service_runtime.errors import InvalidArgument

from ingest_service.export_cells import harmless, harmless_names, texts
from ingest_service.export_columns import Column

# What the format allows.
_MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
# Formulas and errors to the library; what XML cannot hold, and what looks like the format's way of holding it.
_SPECIAL = re.compile(r"\A[=#]|[\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class Workbook:
    """A workbook that is being written. Times are text, since a spreadsheet's own lose microseconds and the zone."""

    def __init__(self, target: Path, columns: Sequence[Column], *, raw: bool) -> None:
        self._target = target
        self._columns = columns
        self._raw = raw
        self._header = [column.name for column in columns] if raw else harmless_names(columns)
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet: Any = None
        self._rows = 0
        self._next_sheet()

    def write(self, rows: pa.RecordBatch) -> None:
        cells = [self._cells(column, values) for column, values in zip(self._columns, rows.columns, strict=True)]
        for row in zip(*cells, strict=True):
            if self._rows == _MOST_ROWS:
                self._next_sheet()
            self._sheet.append(row)
            self._rows += 1

    def close(self) -> None:
        self._book.save(self._target)
        self._book.close()

    def _next_sheet(self) -> None:
        if self._sheet is not None:
            # Its rows are complete, and so can wait on the disk.
            self._sheet.close()
        self._sheet = self._book.create_sheet(f"rows {len(self._book.worksheets) + 1}")
        self._sheet.append([self._text(name) for name in self._header])
        self._rows = 1

    def _cells(self, column: Column, values: pa.Array) -> list[Any]:
        if column.form in ("text", "time"):
            written = texts(column, values)
            if column.form == "text" and not self._raw:
                written = harmless(written)
            return [self._text(text, column.name) if text else None for text in written.to_pylist()]
        if column.form == "count":
            return list(values.to_pylist())
        return [self._number(text) if text else None for text in texts(column, values).to_pylist()]

    def _text(self, text: str, name: str = "") -> Any:
        if len(text) > LONGEST_TEXT // 2 and len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            raise InvalidArgument(
                "TEXT_TOO_LONG",
                f"{name[:60]} has a text of more than {LONGEST_TEXT} characters, which xlsx cannot hold; "
                "export it as csv, jsonl or parquet.",
                column=name[:60],
            )
        if not _SPECIAL.search(text):
            return text
        escaped = _LOOKS_ESCAPED.sub("_x005F_", text)
        return self._cell(_CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", escaped), "s")

    def _number(self, digits: str) -> Any:
        # As text, or the library would keep 16 digits of them.
        return self._cell(digits, "n")

    def _cell(self, content: str, kind: str) -> Any:
        cell = WriteOnlyCell(self._sheet)
        # Set from outside, it would be taken for a formula, cut, or refused.
        cell._value = content
        cell.data_type = kind
        return cell
