"""An uploaded file as typed rows: read once into a spool, judged as a whole, then converted batch by batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingest_service.columns import Mapping as ColumnMapping
from ingest_service.columns import find_columns, parse_mapping
from ingest_service.conversion.profile import FileProfile
from ingest_service.conversion.typed_rows import TypedRows
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import MOST_KEPT
from ingest_service.reading.ahead import ahead
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.rejection import Rejections as RejectionsOfBatch
from ingest_service.reading.table import Table, batch_schema
from ingest_service.targets import TARGETS

_VALUE_SHOWN = 1000


@dataclass
class Rejections:
    """Rows that cannot be taken: all are counted, the first hundred thousand kept."""

    count: int = 0
    kept: list[Rejection] = field(default_factory=list)

    def add(self, rejections: RejectionsOfBatch) -> None:
        """Takes those of a batch; what is not kept is not looked at either."""
        self.count += len(rejections)
        self.kept += islice(rejections, MOST_KEPT - len(self.kept))


class TabularFile:
    """Rows of posts, metrics or transactions in a file."""

    def __init__(self, table: Table, request: ImportRequest, spool: Path) -> None:
        self._request = request
        self._spool = spool
        self._table = table
        chosen = parse_mapping(request.kind, request.mapping)
        self.mapping: ColumnMapping = find_columns(request.kind, self._table.header, chosen, request.account_column)
        self._cell_of = {target: f"c{place}" for place, target in enumerate(self.mapping.column_of)}
        self._account_cell = f"c{len(self._cell_of)}" if self.mapping.account_column >= 0 else ""
        targets = {target.name: target for target in TARGETS[request.kind]}
        self.profile = FileProfile(targets, self._cell_of, self._account_cell)
        self.rejections = Rejections()
        self.rows_read = 0
        self._connection = _connect(request.timezone)

    def read(self) -> Iterator[float]:
        """Reads the file into the spool and judges its columns; gives the share that is done after each batch."""
        columns = [*self.mapping.column_of.values()]
        if self._account_cell:
            columns.append(self.mapping.account_column)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            pa.OSFile(str(self._spool), "wb") as file,
            pa.ipc.new_stream(file, batch_schema(len(columns)), options=options) as spool,
        ):
            for batch in ahead(self._table.batches(columns)):
                self.rejections.add(batch.rejections)
                self.rows_read += batch.rows.num_rows + len(batch.rejections)
                self.profile.look(self._connection, batch.rows)
                spool.write_batch(batch.rows)
                yield batch.done

    def typed(self, account_ids: Mapping[str, int], only_account: int | None) -> Iterator[pa.Table]:
        """Converts what was read; rows of accounts that `account_ids` has not are rejected."""
        rows = TypedRows(self._request.kind, self._cell_of, self.profile)
        names = pa.array(list(account_ids), pa.string())
        numbers = pa.array(list(account_ids.values()), pa.int32())
        with pa.OSFile(str(self._spool), "rb") as file, pa.ipc.open_stream(file) as spool:
            for batch in spool:
                ids = self._ids(batch, names, numbers, only_account)
                yield self._good(rows, pa.Table.from_batches([batch]).append_column("id_usuario", ids))
                # Or it would stay until the next one has been read.
                del batch

    def _good(self, rows: TypedRows, table: pa.Table) -> pa.Table:
        typed = rows.convert(self._connection, table)
        self._reject(typed.bad, typed.bad_faults, rows)
        return typed.good

    def _ids(self, batch: pa.RecordBatch, names: pa.Array, numbers: pa.Array, only: int | None) -> pa.Array:
        if not self._account_cell:
            return pa.repeat(pa.scalar(only, pa.int32()), len(batch))
        found = pc.index_in(pc.utf8_trim_whitespace(batch.column(self._account_cell)), names)
        return numbers.take(found)

    def _reject(self, bad: pa.Table, faults: list[int], rows: TypedRows) -> None:
        room = MOST_KEPT - len(self.rejections.kept)
        self.rejections.count += max(0, len(faults) - room)
        kept = []
        for row, number in zip(bad.slice(0, room).to_pylist(), faults, strict=False):
            fault = rows.faults[number]
            cell = self._account_cell if fault.target == "account" else self._cell_of[fault.target]
            column = self.mapping.account_column if fault.target == "account" else self.mapping.column_of[fault.target]
            kept.append(
                Rejection(
                    row["line"],
                    self._table.header[column],
                    str(row[cell])[:_VALUE_SHOWN].replace("\0", "\ufffd"),
                    fault.reason,
                    row["start"],
                    row["size"],
                )
            )
        self.rejections.add(kept)

    def details(self) -> dict[str, str]:
        """Says what was assumed, for the job."""
        header = self._table.header
        return {
            **self._table.told(),
            "mapping": self.mapping.told(header),
            "timezone": self._request.timezone,
            "left_alone": ", ".join(name[:60] for name in self.mapping.left_alone[:50]),
        }

    def close(self) -> None:
        self._connection.close()


def _connect(timezone: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{timezone}'")
    connection.execute("SET threads = 1; SET memory_limit = '128MB'; SET enable_external_access = false")
    return connection
