"""The Delta tables of the lake: their columns, and how partitions are replaced by one commit."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv
from service_runtime.errors import Unavailable
from service_runtime.lake import Lake

_TIME = pa.timestamp("us", "UTC")
_WHOLE, _TEXT = pa.int32(), pa.string()
# Columns in which few values come again and again.
_REPEATED = ["tipo_contenido", "plataforma", "idioma", "hashtags"]

# A reader that has opened a table may read its files that long after they were replaced.
_KEPT_HOURS = 1
# Versions from one look for such files to the next.
_CLEANED_EVERY = 25

# Files that are put into the lake at once.
_PUTTING = 4


@dataclass(frozen=True)
class LakeTable:
    """A Delta table: where it lies, its partition columns, and the columns that its files have."""

    path: str
    partitioned_by: tuple[str, ...]
    columns: pa.Schema
    # The column by which rows lie in order and fall into months.
    time: str

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*(pa.field(name, _TEXT) for name in self.partitioned_by), *self.columns])


POSTS_TABLE = LakeTable(
    "social/posts",
    ("cuenta", "mes"),
    pa.schema(
        [
            ("id_publicacion", _WHOLE),
            ("id_usuario", _WHOLE),
            ("clave", _TEXT),
            ("id_externo", _TEXT),
            ("contenido", _TEXT),
            ("fecha_publicacion", _TIME),
            ("likes", _WHOLE),
            ("comentarios", _WHOLE),
            ("compartidos", _WHOLE),
            ("impresiones", _WHOLE),
            ("alcance", _WHOLE),
            ("guardados", _WHOLE),
            ("reproducciones", _WHOLE),
            ("tipo_contenido", _TEXT),
            ("hashtags", _TEXT),
            ("menciones", _WHOLE),
            ("plataforma", _TEXT),
            ("idioma", _TEXT),
        ]
    ),
    "fecha_publicacion",
)
METRICS_TABLE = LakeTable(
    "social/metrics",
    ("cuenta",),
    pa.schema(
        [
            ("id_metrica", _WHOLE),
            ("id_usuario", _WHOLE),
            ("seguidores", _WHOLE),
            ("siguiendo", _WHOLE),
            ("publicaciones_totales", _WHOLE),
            ("engagement_rate", pa.float64()),
            ("alcance_promedio", _WHOLE),
            ("impresiones", _WHOLE),
            ("hora", _TIME),
        ]
    ),
    "hora",
)
COMMENTS_TABLE = LakeTable(
    "social/comments",
    ("cuenta", "mes"),
    pa.schema(
        [
            ("id_comentario", _WHOLE),
            ("id_usuario", _WHOLE),
            ("clave", _TEXT),
            ("id_externo", _TEXT),
            ("post", _TEXT),
            ("autor", _TEXT),
            ("texto", _TEXT),
            ("fecha", _TIME),
            ("likes", _WHOLE),
            ("responde_a", _TEXT),
        ]
    ),
    "fecha",
)
LAKE_TABLES = {"posts": POSTS_TABLE, "metrics": METRICS_TABLE, "comments": COMMENTS_TABLE}


@dataclass(frozen=True)
class NewPart:
    """A partition's new content: its values and its file; without rows there is none."""

    values: tuple[str, ...]
    name: str
    size: int
    rows: int


def write_parts(lake: Lake, table: LakeTable, account: str, exported: Path, folder: Path) -> list[NewPart]:
    """Makes a Parquet file of each month of an account's exported rows and puts it into the lake; none is read yet."""
    if not exported.stat().st_size:
        return []
    reader = open_exported(exported, table.columns)
    parts: list[Future[NewPart]] = []
    open_part: _OpenPart | None = None
    # Putting a file waits for the disk or the network, so several are put while the next ones are made.
    with ThreadPoolExecutor(_PUTTING) as putting:
        for batch in reader:
            for month, rows in _by_month(batch, table):
                if open_part is None or open_part.month != month:
                    if open_part is not None:
                        parts.append(putting.submit(open_part.close().put, lake, table, account))
                    open_part = _OpenPart(month, folder, table.columns)
                open_part.write(rows)
        if open_part is not None:
            parts.append(putting.submit(open_part.close().put, lake, table, account))
    return [part.result() for part in parts]


def open_exported(exported: Path, columns: pa.Schema) -> csv.CSVStreamingReader:
    """Opens rows that PostgreSQL has written as CSV, which must not be empty; what is not quoted and empty is NULL."""
    return csv.open_csv(
        exported,
        read_options=csv.ReadOptions(column_names=columns.names, block_size=2 << 20, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=columns, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )


class _OpenPart:
    """The file of a month that is being written."""

    def __init__(self, month: str, folder: Path, columns: pa.Schema) -> None:
        self.month = month
        self._file = folder / f"part-{uuid4()}.parquet"
        self._writer = pq.ParquetWriter(self._file, columns, compression="zstd", use_dictionary=_REPEATED)
        self._rows = 0

    def write(self, rows: pa.RecordBatch) -> None:
        self._writer.write_batch(rows)
        self._rows += rows.num_rows

    def close(self) -> Self:
        self._writer.close()
        return self

    def put(self, lake: Lake, table: LakeTable, account: str) -> NewPart:
        size = self._file.stat().st_size
        lake.put_file(self._file, f"{table.path}/{self._file.name}")
        self._file.unlink()
        values = (account, self.month)[: len(table.partitioned_by)]
        return NewPart(values, self._file.name, size, self._rows)


def _by_month(batch: pa.RecordBatch, table: LakeTable) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Cuts a batch that is ordered by time where the month changes; a table without months has one, of no name."""
    if "mes" not in table.partitioned_by:
        yield "", batch
        return
    times = batch.column(table.time)
    runs = pc.run_end_encode(pc.add(pc.multiply(pc.year(times), pa.scalar(100)), pc.month(times)))
    start = 0
    for month, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield f"{month // 100:04d}-{month % 100:02d}", batch.slice(start, end - start)
        start = end


class OpenTable:
    """A table as it stood when it was opened; what another writer commits to it since then makes it of no more use."""

    def __init__(self, lake: Lake, table: LakeTable) -> None:
        # Imported where it is needed: the library is large, and the service itself never writes to the lake.
        from deltalake import DeltaTable

        self._table = table
        with _reaching_the_lake():
            self._delta = DeltaTable.create(
                lake.delta_url(table.path),
                schema=table.schema,
                partition_by=list(table.partitioned_by),
                mode="ignore",
                storage_options=lake.storage_options or None,
            )

    def replace(self, parts: Sequence[NewPart]) -> None:
        """Makes the parts the whole content of their partitions, in one commit."""
        now = int(time.time() * 1000)
        with _reaching_the_lake():
            actions = [*self._added(parts, now), *self._removed({part.values for part in parts}, now)]
            if actions:
                self._commit(actions)

    def _added(self, parts: Sequence[NewPart], now: int) -> list[Any]:
        from deltalake.transaction import AddAction

        return [
            AddAction(
                path=part.name,
                size=part.size,
                partition_values=dict(zip(self._table.partitioned_by, part.values, strict=True)),
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": part.rows}),
            )
            for part in parts
            if part.rows
        ]

    def _removed(self, replaced: set[tuple[str, ...]], now: int) -> list[Any]:
        from deltalake.transaction import RemoveAction

        columns = self._table.partitioned_by
        return [
            RemoveAction(
                old["path"],
                True,
                now,
                size=old["size_bytes"],
                partition_values={name: old[f"partition.{name}"] for name in columns},
            )
            for old in pa.table(self._delta.get_add_actions(flatten=True)).to_pylist()
            if tuple(old[f"partition.{name}"] for name in columns) in replaced
        ]

    def _commit(self, actions: list[Any]) -> None:
        from deltalake import CommitProperties, Transaction

        before = self._delta.version()
        # Two commits that begin from one version exclude each other by the transaction that both of them name; without
        # it the later one would be added to the first.
        properties = CommitProperties(max_commit_retries=0, app_transactions=[Transaction("lake_copy", before + 1)])
        self._delta.create_write_transaction(
            actions, "append", self._table.schema, list(self._table.partitioned_by), commit_properties=properties
        )
        self._delta.update_incremental()
        if self._delta.version() != before + 1:
            raise Unavailable("LAKE_UNAVAILABLE", "Another writer came between.", retry_after=1)

    def clean(self) -> None:
        """Deletes files that were replaced and that no reader needs any more, where it is time for that."""
        if self._delta.version() % _CLEANED_EVERY == 0:
            with _reaching_the_lake():
                self._delta.vacuum(_KEPT_HOURS, dry_run=False, enforce_retention_duration=False)


@contextmanager
def _reaching_the_lake() -> Iterator[None]:
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError) as error:
        raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
