"""A delimited file as batches of text columns: fast while its quoting is regular, row by row from where it is not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv
from service_runtime.errors import InvalidArgument

from ingest_service.reading.blocks import Rows, cut
from ingest_service.reading.careful_reader import LARGEST_ROW, CarefulReader, CarefulRow
from ingest_service.reading.dialect import sniff
from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.rejection import Rejection

_BLOCK = 2 << 20
_SAMPLE = 1 << 17
_CAREFUL_ROWS = 10_000
# Cells of a row beyond this are a file that is not a table.
_WIDEST = 2000
_PLACES = [("line", pa.int32()), ("start", pa.int64()), ("size", pa.int32())]


@dataclass(frozen=True)
class Batch:
    """Rows as `line`, `start`, `size` and the wanted columns c0, c1, … as text; and the rows that are none."""

    rows: pa.RecordBatch
    rejections: list[Rejection]
    read_to: int


class TableFile:
    """A UTF-8 file with a header row. `header` holds the columns' names as they stand there."""

    def __init__(self, text: PreparedText, delimiter: str, known_names: Callable[[Sequence[str]], int]) -> None:
        self.text = text
        with text.path.open("rb") as file:
            file.seek(text.start)
            sample = file.read(_SAMPLE).decode(errors="ignore")
        if not sample.strip():
            raise InvalidArgument("EMPTY_FILE", "The file has no rows.")
        self.dialect = sniff(sample, delimiter, known_names)
        self.header, self._first, self._first_line = self._read_header()
        self.size = text.path.stat().st_size

    def _read_header(self) -> tuple[list[str], int, int]:
        for row in CarefulReader(self.text.path, self.text.start, 1, self.dialect).rows():
            if isinstance(row, Rejection) or len(row.cells) > _WIDEST:
                raise InvalidArgument("UNREADABLE_FILE", "The first line of the file cannot be read as a header.")
            lines = self.text.path.open("rb")
            with lines:
                lines.seek(row.start)
                data = lines.read(row.size)
            ends = max(1, len(data.splitlines()))
            return [name.strip() for name in row.cells], row.start + row.size, row.line + ends
        raise InvalidArgument("EMPTY_FILE", "The file has no rows.")

    def schema(self, columns: Sequence[int]) -> pa.Schema:
        return pa.schema([*_PLACES, *((f"c{place}", pa.string()) for place in range(len(columns)))])

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        """Reads the rows behind the header, in the file's order."""
        place, line = self._first, self._first_line
        held = b""
        with self.text.path.open("rb") as file:
            file.seek(place)
            while self.dialect.is_plain:
                piece = file.read(_BLOCK)
                held += piece
                if not held:
                    return
                rows = cut(held, self.dialect, final=not piece)
                if not rows.regular or (not rows.end and len(held) > LARGEST_ROW):
                    break
                if rows.end:
                    batch = self._parsed(held, rows, place, line, columns)
                    if batch is None:
                        break
                    yield batch
                    place, line, held = place + rows.end, line + rows.lines, held[rows.end :]
        yield from self._careful_batches(place, line, columns)

    def _parsed(self, block: bytes, rows: Rows, place: int, line: int, columns: Sequence[int]) -> Batch | None:
        faults: list[csv.InvalidRow] = []

        def refuse(row: csv.InvalidRow) -> str:
            faults.append(row)
            return "skip"

        names = [f"f{number}" for number in range(len(self.header))]
        chosen = [names[number] for number in columns]
        try:
            table = csv.read_csv(
                pa.BufferReader(pa.py_buffer(block).slice(0, rows.end)),
                read_options=csv.ReadOptions(use_threads=False, block_size=rows.end + 1, column_names=names),
                parse_options=csv.ParseOptions(
                    delimiter=self.dialect.delimiter,
                    quote_char=self.dialect.quote,
                    newlines_in_values=True,
                    invalid_row_handler=refuse,
                ),
                convert_options=csv.ConvertOptions(
                    include_columns=list(dict.fromkeys(chosen)) or names[:1],
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows + len(faults) != len(rows.starts):
            return None
        bad = np.array([fault.number - 1 for fault in faults], np.int64)
        good = np.ones(len(rows.starts), bool)
        good[bad] = False
        rejections = [
            self._wrong_width(
                fault.actual_columns, line + int(rows.line_of[at]), place + int(rows.starts[at]), int(rows.sizes[at])
            )
            for fault, at in zip(faults, bad, strict=True)
        ]
        arrays = [
            _numbers(rows.line_of[good] + line, pa.int32(), np.int32),
            _numbers(rows.starts[good] + place, pa.int64(), np.int64),
            _numbers(rows.sizes[good], pa.int32(), np.int32),
            *(table.column(name).combine_chunks() for name in chosen),
        ]
        batch = pa.RecordBatch.from_arrays([_flat(array) for array in arrays], schema=self.schema(columns))
        return Batch(batch, rejections, place + rows.end)

    def _careful_batches(self, place: int, line: int, columns: Sequence[int]) -> Iterator[Batch]:
        rows: list[CarefulRow] = []
        rejections: list[Rejection] = []
        for row in CarefulReader(self.text.path, place, line, self.dialect).rows():
            if isinstance(row, Rejection):
                rejections.append(row)
            elif len(row.cells) != len(self.header):
                rejections.append(self._wrong_width(len(row.cells), row.line, row.start, row.size))
            else:
                rows.append(row)
            if len(rows) + len(rejections) >= _CAREFUL_ROWS or sum_too_large(rows):
                yield self._gathered(rows, rejections, columns)
                rows, rejections = [], []
        if rows or rejections:
            yield self._gathered(rows, rejections, columns)

    def _gathered(self, rows: list[CarefulRow], rejections: list[Rejection], columns: Sequence[int]) -> Batch:
        arrays = [
            pa.array([row.line for row in rows], pa.int32()),
            pa.array([row.start for row in rows], pa.int64()),
            pa.array([row.size for row in rows], pa.int32()),
            *(pa.array([row.cells[column] for row in rows], pa.string()) for column in columns),
        ]
        ends = [row.start + row.size for row in rows[-1:]] + [row.start + row.size for row in rejections[-1:]]
        return Batch(pa.RecordBatch.from_arrays(arrays, schema=self.schema(columns)), rejections, max(ends, default=0))

    def _wrong_width(self, found: int, line: int, start: int, size: int) -> Rejection:
        return Rejection(line, "", "", f"has {found} cells, the header {len(self.header)}", start, size)


def sum_too_large(rows: Sequence[CarefulRow]) -> bool:
    """Tells whether rows waiting for their batch hold as much as a block."""
    return bool(rows) and rows[-1].start + rows[-1].size - rows[0].start > _BLOCK


def _numbers(values: NDArray[np.int64], form: pa.DataType, kind: type[np.signedinteger[Any]]) -> pa.Array:
    # pyarrow.array() of a numpy array would import pandas wherever it is installed, which costs more than the import.
    return pa.Array.from_buffers(form, len(values), [None, pa.py_buffer(values.astype(kind).tobytes())])


def _flat(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array
