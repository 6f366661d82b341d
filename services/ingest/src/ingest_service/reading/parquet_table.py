"""Parquet as a table of texts, read by pieces of its row groups."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from service_runtime.errors import InvalidArgument, PayloadTooLarge

from ingest_service.reading.lines import LARGEST_ROW
from ingest_service.reading.parquet_texts import as_text
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.row_finder import RowFinder
from ingest_service.reading.table import Batch, batch_schema
from ingest_service.reading.table_file import WIDEST

_ROWS, _BYTES = 8192, 8 << 20


class ParquetTable:
    """A Parquet file; a row's line is its number, from 1."""

    part = ""

    def __init__(self, path: Path, largest: int) -> None:
        self._path = path
        self._largest = largest
        with self._open() as file:
            schema = file.schema_arrow
            self._rows = max(1, file.metadata.num_rows)
        self.header = list(schema.names)
        if not self.header or len(self.header) > WIDEST:
            raise InvalidArgument("UNREADABLE_FILE", f"A table has 1 to {WIDEST} columns, not {len(self.header)}.")
        if len(set(self.header)) < len(self.header):
            raise InvalidArgument("UNREADABLE_FILE", "The Parquet file has two columns of one name.")
        # Texts stay as numbers of a dictionary until it is known how large they are.
        self._texts = [field.name for field in schema if pa.types.is_string(field.type)]
        self._finder = RowFinder(self._texts_of_rows)

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(
                self._path, buffer_size=1 << 20, pre_buffer=False, read_dictionary=getattr(self, "_texts", None)
            )
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(error) from error

    def told(self) -> dict[str, str]:
        return {}

    def raw(self, rejection: Rejection, most: int) -> str:
        return self._finder.find(rejection.line)[:most]

    def cells(self, text: str) -> list[str]:
        return list(json.loads(text).values())

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        for rows in self._read(columns):
            done = rows.column("line")[-1].as_py() / self._rows if len(rows) else 1.0
            yield _without_long_rows(rows, done)

    def _read(self, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
        number = 0
        size = 0
        for rows in self._pieces():
            texts = [as_text(rows.column(column), self.header[column]) for column in columns]
            size += sum(text.nbytes for text in texts)
            if size > self._largest:
                raise PayloadTooLarge("FILE_TOO_LARGE", f"The file's values have more than {self._largest} bytes.")
            lines = range(number + 1, number + 1 + len(rows))
            number += len(rows)
            none = pa.repeat(pa.scalar(0, pa.int32()), len(rows))
            places = [pa.array(lines, pa.int32()), pa.array(lines, pa.int64()), none]
            yield pa.RecordBatch.from_arrays([*places, *texts], schema=batch_schema(len(columns)))

    def _pieces(self) -> Iterator[pa.RecordBatch]:
        try:
            with self._open() as file:
                for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
                    step = max(1, len(batch) * _BYTES // max(_BYTES, _expanded(batch)))
                    for start in range(0, len(batch), step):
                        yield batch.slice(start, step)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(error) from error

    def _texts_of_rows(self) -> Iterator[tuple[int, str]]:
        number = 0
        for rows in self._read(range(len(self.header))):
            for row in zip(*(column.to_pylist() for column in rows.columns[3:]), strict=True):
                number += 1
                yield number, json.dumps(dict(zip(self.header, row, strict=True)), ensure_ascii=False)


def _without_long_rows(rows: pa.RecordBatch, done: float) -> Batch:
    """Rejects the rows that have more bytes than one has in any other format: no reader of datasets could hold them."""
    if rows.nbytes <= LARGEST_ROW:
        return Batch(rows, [], done)
    sizes = pa.array([0] * len(rows), pa.int64())
    for texts in rows.columns[3:]:
        sizes = pc.add(sizes, pc.cast(pc.binary_length(texts), pa.int64()))
    is_long = pc.greater(sizes, LARGEST_ROW)
    reason = f"the row is longer than {LARGEST_ROW} bytes"
    lines = rows.column("line").filter(is_long).to_pylist()
    return Batch(rows.filter(pc.invert(is_long)), [Rejection(line, "", "", reason, line, 0) for line in lines], done)


def _unreadable(error: Exception) -> InvalidArgument:
    return InvalidArgument("UNREADABLE_FILE", f"The Parquet file cannot be read: {str(error)[:200]}")


def _expanded(batch: pa.RecordBatch) -> int:
    """Tells how large a batch is once its dictionaries are written out."""
    size = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and len(column.dictionary):
            lengths = pc.fill_null(pc.binary_length(column.dictionary), 0) if _is_text(column.type.value_type) else None
            size += pc.sum(lengths.take(column.indices.drop_null())).as_py() or 0 if lengths is not None else 0
        else:
            size += column.nbytes
    return size


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))
