"""The formats of exports: each writes batches of rows to a file, with the memory of a batch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from service_runtime.errors import InvalidArgument

from ingest_service.export_cells import harmless, harmless_names, texts
from ingest_service.export_columns import Column, arrow_schema

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EMPTY, _COMMA, _LINE_END, _QUOTE = pa.scalar(""), pa.scalar(","), pa.scalar("\r\n"), pa.scalar('"')
_NULL = pa.scalar("null")
# What JSON does not allow within quotes.
_ESCAPED = r'[\x00-\x1f"\\]'
_MOST_KEYS = 4 << 20
# Digits before and behind the point are enough for any currency; a number with more is refused, never rounded.
_MONEY = pa.decimal128(38, 12)


class Format(Protocol):
    """A file that is being written."""

    def write(self, rows: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def open_format(name: str, target: Path, columns: Sequence[Column], *, raw: bool) -> Format:
    """Opens a file of a format; `raw` leaves cells as they are that a spreadsheet would take for formulas."""
    if name == "csv":
        return CsvFile(target, columns, raw=raw)
    if name == "jsonl":
        return JsonLinesFile(target, columns)
    if name == "parquet":
        return ParquetFile(target, columns)
    # The library of workbooks takes memory that most exports do not need.
    from ingest_service.export_workbook import Workbook

    return Workbook(target, columns, raw=raw)


class CsvFile:
    """CSV by RFC 4180 in UTF-8: texts quoted, numbers not, what has no value empty.

    Spreadsheets know UTF-8 by the byte order mark; programs, which ask for it raw, get none.
    """

    def __init__(self, target: Path, columns: Sequence[Column], *, raw: bool) -> None:
        self._columns = columns
        self._raw = raw
        names = [column.name for column in columns] if raw else harmless_names(columns)
        self._file = target.open("wb")
        self._file.write(b"" if raw else _BYTE_ORDER_MARK)
        header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
        self._file.write(f"{header}\r\n".encode())

    def write(self, rows: pa.RecordBatch) -> None:
        if not rows.num_rows:
            return
        cells = [self._cells(column, values) for column, values in zip(self._columns, rows.columns, strict=True)]
        line = pc.binary_join_element_wise(*cells, _COMMA) if len(cells) > 1 else cells[0]
        _write_lines(self._file, pc.binary_join_element_wise(line, _LINE_END, _EMPTY))

    def _cells(self, column: Column, values: pa.Array) -> pa.Array:
        cells = pc.fill_null(texts(column, values), _EMPTY)
        if column.form != "text":
            return cells
        if not self._raw:
            cells = harmless(cells)
        doubled = pc.replace_substring(cells, pattern='"', replacement='""')
        return pc.binary_join_element_wise(_QUOTE, doubled, _QUOTE, _EMPTY)

    def close(self) -> None:
        self._file.close()


class JsonLinesFile:
    """An object on each line with all columns as keys: texts and times as text, numbers as numbers, null for none."""

    def __init__(self, target: Path, columns: Sequence[Column]) -> None:
        self._columns = columns
        keys = [f"{json.dumps(column.name, ensure_ascii=False)}:" for column in columns]
        self._keys = [pa.scalar(f"{before}{key}") for before, key in zip("{" + "," * len(keys), keys, strict=False)]
        # Every row repeats the keys, so of long ones fewer rows are made at once.
        self._rows = max(1, _MOST_KEYS // sum(map(len, keys)))
        self._file = target.open("wb")

    def write(self, rows: pa.RecordBatch) -> None:
        for start in range(0, rows.num_rows, self._rows):
            some = rows.slice(start, self._rows)
            cells = [
                part
                for key, column, values in zip(self._keys, self._columns, some.columns, strict=True)
                for part in (key, self._cells(column, values))
            ]
            _write_lines(self._file, pc.binary_join_element_wise(*cells, pa.scalar("}\n"), _EMPTY))

    def _cells(self, column: Column, values: pa.Array) -> pa.Array:
        cells = texts(column, values)
        return pc.fill_null(_quoted(cells) if column.form in ("text", "time") else cells, _NULL)

    def close(self) -> None:
        self._file.close()


class ParquetFile:
    """Parquet with typed columns: counts, fractions, times in UTC, amounts as decimals."""

    def __init__(self, target: Path, columns: Sequence[Column]) -> None:
        self._columns = columns
        types = {column.name: _MONEY for column in columns if column.form == "money"}
        self._schema = pa.schema([(field.name, types.get(field.name, field.type)) for field in arrow_schema(columns)])
        self._file = pq.ParquetWriter(target, self._schema, compression="zstd")

    def write(self, rows: pa.RecordBatch) -> None:
        arrays = [
            _decimals(column, values) if column.form == "money" else values
            for column, values in zip(self._columns, rows.columns, strict=True)
        ]
        self._file.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()


def _decimals(column: Column, values: pa.Array) -> pa.Array:
    try:
        return pc.cast(values, _MONEY)
    except pa.ArrowInvalid as error:
        raise InvalidArgument(
            "NUMBER_TOO_LONG",
            f"{column.name} has a number of more digits than a typed column holds; export it as csv or jsonl.",
            column=column.name,
        ) from error


def _quoted(values: pa.Array) -> pa.Array:
    """Gives texts as JSON; only those that hold what must be escaped are looked at one by one."""
    quoted = pc.binary_join_element_wise(_QUOTE, values, _QUOTE, _EMPTY)
    escaped = pc.fill_null(pc.match_substring_regex(values, _ESCAPED), fill_value=False)
    if not pc.any(escaped).as_py():
        return quoted
    found = [json.dumps(text, ensure_ascii=False) for text in values.filter(escaped).to_pylist()]
    return pc.replace_with_mask(quoted, escaped, pa.array(found, pa.string()))


def _write_lines(file: BinaryIO, lines: pa.Array) -> None:
    """Writes lines, which stand one behind the other in the array's memory."""
    _, places, content = lines.buffers()
    ends = memoryview(places).cast("i")
    file.write(memoryview(content)[ends[lines.offset] : ends[lines.offset + len(lines)]])
