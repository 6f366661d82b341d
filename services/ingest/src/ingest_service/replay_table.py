"""Rejected rows, corrected, as the table that an import reads: each keeps the line of the file that it came from."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest_service.import_store import MOST_RAW, RejectedRow
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.table import Batch, batch_schema

_ROWS = 5_000


def corrected(row: RejectedRow, columns: Sequence[str], correction: dict[str, Any] | None) -> dict[str, Any] | None:
    """Gives a row as it is to be tried, or why it cannot be; None for one that is dropped."""
    if correction and correction["drop"]:
        return None
    cells = list(row.cells or ())
    if len(cells) != len(columns):
        # What its cells are cannot be told, so they are those of the correction alone.
        if not correction or not correction["values"]:
            return {"line": row.line, "column": row.column_name, "value": row.value, "reason": _why_not(row)}
        cells = [""] * len(columns)
    for place, value in (correction["values"] if correction else {}).items():
        cells[int(place)] = value
    return {"line": row.line, "cells": cells}


def _why_not(row: RejectedRow) -> str:
    if len(row.raw) >= MOST_RAW:
        return f"is longer than the {MOST_RAW} characters that are kept, so it needs a correction with all its cells"
    return row.reason


def write_rows(rows: Iterable[dict[str, Any]], target: Path) -> None:
    """Adds rows to the file of a ReplayTable."""
    with target.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


class ReplayTable:
    """A file of rows as `corrected` gives them."""

    part = ""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self.header = list(columns)
        self._size = max(1, path.stat().st_size)

    def told(self) -> dict[str, str]:
        return {}

    def raw(self, rejection: Rejection, most: int) -> str:
        """Gives nothing: the list shows the row as it stood in the file."""
        return ""

    def cells(self, text: str) -> list[str]:
        return []

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        rows: list[dict[str, Any]] = []
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                rows.append(json.loads(line))
                if number % _ROWS == 0:
                    yield _batch(rows, columns, file.tell() / self._size)
                    rows = []
        yield _batch(rows, columns, 1.0)


def _batch(rows: Sequence[dict[str, Any]], columns: Sequence[int], done: float) -> Batch:
    good = [row for row in rows if "cells" in row]
    bad = [
        Rejection(row["line"], row["column"], row["value"], row["reason"], 0, 0) for row in rows if "cells" not in row
    ]
    lines = pa.array([row["line"] for row in good], pa.int32())
    none = [0] * len(good)
    cells = [pa.array([row["cells"][column] for row in good], pa.string()) for column in columns]
    arrays = [lines, pa.array(none, pa.int64()), pa.array(none, pa.int32()), *cells]
    return Batch(pa.RecordBatch.from_arrays(arrays, schema=batch_schema(len(columns))), bad, min(1.0, done))
