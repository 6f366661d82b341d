"""A delimited file as batches of text columns: fast while its rows are regular, row by row where they are not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv
from service_runtime.errors import InvalidArgument

from ingest_service.reading.batch_arrays import flat, numbers, rows_as_batch
from ingest_service.reading.blocks import Rows, cut, without_bad_rows
from ingest_service.reading.careful_reader import CarefulReader, CarefulRow
from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.header_rows import repeats_header
from ingest_service.reading.layout import Layout, find_layout
from ingest_service.reading.lines import LARGEST_ROW, content_end
from ingest_service.reading.one_row import cells_of
from ingest_service.reading.rejection import (
    REPEATS_HEADER,
    OfAnotherWidth,
    Rejection,
    Rejections,
    of_another_width,
)
from ingest_service.reading.sniffing import KnownNames, sniff
from ingest_service.reading.stray_delimiters import ColumnForms
from ingest_service.reading.table import Batch, batch_schema

_Numbers = NDArray[np.int64]
_BLOCK = 2 << 20
_SAMPLE = 1 << 17
_SAMPLE_ROWS = 300
_CAREFUL_ROWS = 10_000
# What is read row by row before the fast reader tries again: at first, and where it is of no use.
_CAREFUL_BYTES, _MOST_CAREFUL_BYTES = 128 << 10, 64 << 20
# Rows with a cell too many that are looked at; of more than these it is the file's habit.
_MOST_STRAY = 100
# Cells of a row beyond this are a file that is not a table.
WIDEST = 2000
# Rows of which most must be as wide as the header.
_ENOUGH = 20


class TableFile:
    """A UTF-8 file of rows. `header` holds the columns' names as they stand there."""

    part = ""

    def __init__(self, text: PreparedText, delimiter: str, known_names: KnownNames) -> None:
        self.text = text
        with text.path.open("rb") as file:
            file.seek(text.start)
            sample = file.read(_SAMPLE)
        self.dialect = sniff(sample, delimiter, known_names)
        # Rows without content at the end, as spreadsheets write them, are none.
        self._end = content_end(text.path, text.start, self.dialect.delimiter)
        if self._end <= text.start:
            raise InvalidArgument("EMPTY_FILE", "The file has no rows.")
        self._size = max(1, self._end - text.start)
        self._layout, self._first, self._first_line = self._find_header(known_names)
        self.header = self._layout.names
        # How many cells a row of the file has.
        self._width = self._layout.width
        self._noticed: Counter[str] = Counter()
        self._stray_left = _MOST_STRAY
        # The column by which a header that comes again is noticed; of one name it could be a value.
        named = [place for place, name in enumerate(self.header[: self._width]) if name.strip()]
        self._told_by = named[0] if self._layout.has_header and len(named) > 1 else -1

    def _find_header(self, known_names: KnownNames) -> tuple[Layout, int, int]:
        reader = CarefulReader(self.text.path, self.text.start, 1, self.dialect, end=self._end)
        rows: list[CarefulRow] = []
        ends = []
        for row in reader.rows():
            if isinstance(row, Rejection):
                if not rows:
                    raise InvalidArgument("UNREADABLE_FILE", "The first line of the file cannot be read as a header.")
                break
            rows.append(row)
            ends.append((reader.place, reader.line))
            if len(rows) >= _SAMPLE_ROWS or reader.place - self.text.start > _SAMPLE:
                break
        layout = find_layout([row.cells for row in rows], known_names)
        if len(layout.names) > WIDEST:
            raise InvalidArgument(
                "UNREADABLE_FILE", f"The header has {len(layout.names)} columns; a table has at most {WIDEST}."
            )
        if layout.again:
            line = rows[layout.again].line
            message = f"The header stands again in line {line}, below a title: send each table as a file of its own."
            raise InvalidArgument("SEVERAL_TABLES", message)
        below = [row.cells for row in rows[layout.header + 1 :]]
        _check_alike(layout, [len(cells) for cells in below])
        self._forms = ColumnForms(below, layout.width, self.dialect.delimiter)
        if not layout.has_header:
            return layout, rows[layout.header].start, rows[layout.header].line
        return layout, *ends[layout.header]

    def told(self) -> dict[str, str]:
        found = {
            "encoding": self.text.encoding,
            "delimiter": self.dialect.delimiter_name,
            "quote": self.dialect.quote,
            **self._layout.told,
        }
        return {**found, **{name: str(count) for name, count in self._noticed.items()}}

    def raw(self, rejection: Rejection, most: int) -> str:
        with self.text.path.open("rb") as file:
            file.seek(rejection.start)
            return file.read(min(rejection.size, 4 * most)).decode(errors="replace").rstrip("\r\n")[:most]

    def cells(self, text: str) -> list[str]:
        cells = cells_of(text, self.dialect, self._width)
        return self._padded(cells)[: len(self.header)] if len(cells) == self._width else cells

    def _padded(self, cells: list[str]) -> list[str]:
        return cells + [""] * (len(self.header) - len(cells))

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        self._noticed.clear()
        self._stray_left = _MOST_STRAY
        place, line = self._first, self._first_line
        span = _CAREFUL_BYTES
        while place < self._end:
            begun = place
            if self.dialect.is_plain:
                for step in self._fast_batches(place, line, columns):
                    batch, place, line = step
                    yield batch
            # Where the fast reader has not come further it is tried again later.
            span = _CAREFUL_BYTES if place > begun else min(4 * span, _MOST_CAREFUL_BYTES)
            if place < self._end:
                for step in self._careful_batches(place, line, columns, span):
                    batch, place, line = step
                    yield batch

    def _fast_batches(self, place: int, line: int, columns: Sequence[int]) -> Iterator[tuple[Batch, int, int]]:
        """Reads blocks until one is not regular; tells with each batch where the next row begins."""
        held = b""
        with self.text.path.open("rb") as file:
            file.seek(place)
            while True:
                piece = file.read(min(_BLOCK, self._end - file.tell()))
                held += piece
                final = file.tell() >= self._end
                rows = cut(held, self.dialect, final=final)
                if not held or not rows.regular or (not rows.end and len(held) > LARGEST_ROW):
                    return
                if rows.end:
                    batch = self._parsed(held, rows, place, line, columns)
                    if batch is None:
                        return
                    place, line, held = place + rows.end, line + rows.lines, held[rows.end :]
                    yield batch, place, line
                if final:
                    return

    def _parsed(self, block: bytes, rows: Rows, place: int, line: int, columns: Sequence[int]) -> Batch | None:
        names = [f"f{number}" for number in range(self._width)]
        late = names[self._width - self._layout.ends_late :]
        good: slice | NDArray[np.bool_] = slice(None)
        rejections: Rejections = []
        table = self._table(pa.py_buffer(block).slice(0, rows.end), names, columns, late)
        if table is None:
            found = without_bad_rows(block, rows, self.dialect, self._width)
            if found is None or (table := self._table(pa.py_buffer(found.kept), names, columns, late)) is None:
                return None
            good = ~found.is_bad
            bad = found.is_bad
            if self._has_stray(block, rows.starts, rows.sizes, found.widths):
                return None
            places = (rows.line_of[bad] + line, rows.starts[bad] + place, rows.sizes[bad], found.widths[bad])
            rejections = OfAnotherWidth(places, self._width)
        starts, sizes, lines = rows.starts[good], rows.sizes[good], rows.line_of[good]
        if self._has_header_again(table, block, starts, sizes):
            return None
        if table.num_rows != len(starts) or any(pc.max(pc.binary_length(table.column(name))).as_py() for name in late):
            return None
        empty = pa.repeat(pa.scalar(""), table.num_rows)
        arrays = [
            numbers(lines + line, pa.int32(), np.int32),
            numbers(starts + place, pa.int64(), np.int64),
            numbers(sizes, pa.int32(), np.int32),
            *(table.column(names[number]).combine_chunks() if number < self._width else empty for number in columns),
        ]
        batch = pa.RecordBatch.from_arrays([flat(array) for array in arrays], schema=batch_schema(len(columns)))
        return Batch(batch, rejections, self._done(place + rows.end))

    def _has_stray(self, block: bytes, starts: _Numbers, sizes: _Numbers, widths: _Numbers) -> bool:
        for place in np.flatnonzero(widths == self._width + 1)[: self._stray_left]:
            text = block[starts[place] : starts[place] + sizes[place]].decode()
            if self._forms.without_empty(cells_of(text, self.dialect, self._width + 1)) is not None:
                return True
            self._stray_left -= 1
        return False

    def _has_header_again(self, table: pa.Table, block: bytes, starts: _Numbers, sizes: _Numbers) -> bool:
        if self._told_by < 0 or table.num_rows != len(starts):
            return False
        found = pc.indices_nonzero(pc.equal(table.column(f"f{self._told_by}"), self.header[self._told_by]))
        texts = (block[starts[place] : starts[place] + sizes[place]] for place in found.to_pylist())
        return any(repeats_header(self.cells(text.decode()), self.header) for text in texts)

    def _table(
        self, block: pa.Buffer, names: Sequence[str], columns: Sequence[int], late: Sequence[str]
    ) -> pa.Table | None:
        """Parses regular rows; None where one has another number of cells."""
        wanted = dict.fromkeys([*columns, self._told_by])
        chosen = [names[number] for number in wanted if 0 <= number < self._width]
        if not block.size:
            return pa.table({name: pa.array([], pa.string()) for name in [*chosen, *late]})
        try:
            return csv.read_csv(
                pa.BufferReader(block),
                read_options=csv.ReadOptions(use_threads=False, block_size=block.size + 1, column_names=names),
                parse_options=csv.ParseOptions(
                    delimiter=self.dialect.delimiter,
                    quote_char=self.dialect.quote,
                    newlines_in_values=True,
                ),
                convert_options=csv.ConvertOptions(
                    include_columns=list(dict.fromkeys([*chosen, *late])) or names[:1],
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _careful_batches(
        self, place: int, line: int, columns: Sequence[int], span: int
    ) -> Iterator[tuple[Batch, int, int]]:
        """Reads about `span` bytes row by row; all the rest where the fast reader does not know the dialect."""
        rows: list[CarefulRow] = []
        rejections: list[Rejection] = []
        reader = CarefulReader(self.text.path, place, line, self.dialect, width=self._width, end=self._end)
        batch_from = place
        for row in reader.rows():
            if isinstance(row, Rejection):
                rejections.append(row)
            elif fault := self._fault(row := self._without_stray(row)):
                rejections.append(Rejection(row.line, "", "", fault, row.start, row.size))
            else:
                rows.append(row)
            is_enough = self.dialect.is_plain and reader.place - place > span
            if len(rows) + len(rejections) >= _CAREFUL_ROWS or reader.place - batch_from > _BLOCK or is_enough:
                yield self._gathered(rows, rejections, columns, reader.place), reader.place, reader.line
                rows, rejections, batch_from = [], [], reader.place
                if is_enough:
                    return
        yield self._gathered(rows, rejections, columns, self._end), self._end, reader.line

    def _without_stray(self, row: CarefulRow) -> CarefulRow:
        """Gives a row without an empty cell that a delimiter too many has made, where it is sure which one that is."""
        if len(row.cells) != self._width + 1 or not self._stray_left:
            return row
        self._stray_left -= 1
        cells = self._forms.without_empty(row.cells)
        if cells is None:
            return row
        self._noticed["rows_with_an_empty_cell_left_out"] += 1
        return replace(row, cells=cells)

    def _fault(self, row: CarefulRow) -> str:
        """Says why a row is none: it has another number of cells, or is the header again."""
        cells, late = row.cells, self._layout.ends_late
        # A cell too many may have moved all the others, so it is not enough that the last one is empty.
        if len(cells) != self._width or (late and any(cell.strip() for cell in cells[-late:])):
            return of_another_width(len(cells), self._width)
        if self._told_by >= 0 and repeats_header(self._padded(cells)[: len(self.header)], self.header):
            return REPEATS_HEADER
        if row.stray:
            self._noticed["rows_with_quotes_read_as_text"] += 1
        return ""

    def _gathered(
        self, rows: list[CarefulRow], rejections: list[Rejection], columns: Sequence[int], read_to: int
    ) -> Batch:
        return Batch(rows_as_batch(rows, columns), rejections, self._done(read_to))

    def _done(self, place: int) -> float:
        return min(1.0, (place - self.text.start) / self._size)


def _check_alike(layout: Layout, widths: Sequence[int]) -> None:
    """Refuses what is no table, or one whose delimiter was not found: it would be rejected row by row."""
    width = layout.width
    fitting = sum(1 for found in widths if found == width)
    if len(widths) >= _ENOUGH and fitting < 0.4 * len(widths):
        raise InvalidArgument(
            "UNREADABLE_FILE",
            f"Of the first {len(widths)} rows only {fitting} have {width} cells as the header; name the `delimiter`.",
        )
