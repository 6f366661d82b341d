"""Reads one table of a source into a file, whole or from where the last run came to."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from service_runtime.errors import NotFound
from service_runtime.lake import Lake

from ingest_service.sources import connection as source
from ingest_service.sources.connection import SourceConnection
from ingest_service.sources.contract import plan, widened
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import Cut, Shape, TableState, WantedTable
from ingest_service.sources.table_writer import Reading, need_key


@dataclass(frozen=True)
class Staged:
    """A table that was read, and how far its cursor has come by it."""

    reading: Reading
    dataset: str
    cursor_value: str


@dataclass(frozen=True)
class TableReader:
    """Reads the tables of one run; its methods run in a thread."""

    connection: SourceConnection
    lake: Lake
    pace: Pace
    file_format: str
    full: bool
    folder: Path

    def read(self, wanted: WantedTable, dataset: str, state: TableState | None) -> Staged:
        """Reads a table; `state` is how the last run left it."""
        shape = self.connection.shape(wanted.name)
        if not shape.columns:
            raise NotFound("SOURCE_COLUMN_MISSING", f"{wanted.name} has no columns.", table=wanted.name)
        key = tuple(wanted.key_columns) or shape.key
        for name in (*wanted.key_columns, *([wanted.cursor] if wanted.cursor else [])):
            if shape.column(name) is None:
                raise NotFound("SOURCE_COLUMN_MISSING", f"{wanted.name} has no column {name}.", column=name)
        if wanted.cursor:
            need_key(wanted, key)
        old = self._old(state)
        cut = self._cut(wanted, shape, state) if old is not None else None
        known = state.columns if state is not None and old is not None else ()
        planned = plan(wanted.name, known, shape.columns, wanted.contract)
        if {refused.column.name for refused in planned.refused}.intersection(key):
            raise NotFound("SOURCE_COLUMN_MISSING", f"The contract of {wanted.name} leaves a column of its key out.")
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        staged = folder / "staged.csv"
        # What needs nothing done to it is a table of the lake once it is read.
        header = self.file_format == "csv" and wanted.contract == "evolve" and cut is None and planned.is_as_read
        staged.write_text(_header(shape) if header else "", encoding="utf-8")
        self.pace.begin_table()
        read = self.connection.read(shape, wanted.cursor, cut, staged, self.pace)
        if "\0" in read.cursor_value:
            # Our own database has no such text.
            raise source.cursor_unfit(wanted.name, wanted.cursor)
        before = None
        if old is not None and state is not None and (key or cut is not None):
            before = folder / f"old{Path(old).suffix}"
            self.lake.fetch(old, before)
        value = read.cursor_value or (state.cursor_value if state is not None and cut is not None else "")
        made = Reading(wanted, shape, planned, key, cut is None, staged, header, read.rows, before, folder)
        return Staged(made, dataset, value)

    def _old(self, state: TableState | None) -> str | None:
        """Gives the lake's table where it is still what the last run wrote."""
        if state is None or not state.path:
            return None
        found = self.lake.head(state.path)
        return state.path if found is not None and found.etag == state.etag else None

    def _cut(self, wanted: WantedTable, shape: Shape, state: TableState | None) -> Cut | None:
        if self.full or not wanted.cursor or state is None or state.cursor != wanted.cursor or not state.cursor_value:
            return None
        column = shape.column(wanted.cursor)
        before = next((known for known in state.columns if known.name == wanted.cursor), None)
        if column is None or before is None or widened(before.type, column.type) == "VARCHAR" != before.type:
            # A value of the type that it had is none of the one that it has.
            return None
        return Cut(column, state.cursor_value)


def _header(shape: Shape) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(column.name for column in shape.columns)
    return line.getvalue()
