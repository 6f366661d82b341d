"""The Delta tables of the lake: their columns, and how partitions are replaced by one commit."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self
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

# Files that are put into the lake at once.
_PUTTING = 4


@dataclass(frozen=True)
class LakeTable:
    """A Delta table: where it lies, its partition columns, and the columns that its files have."""

    path: str
    partitioned_by: tuple[str, ...]
    columns: pa.Schema

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
)
LAKE_TABLES = {"posts": POSTS_TABLE, "metrics": METRICS_TABLE}


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
    reader = csv.open_csv(
        exported,
        read_options=csv.ReadOptions(column_names=table.columns.names, block_size=2 << 20, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=table.columns, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )
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
    times = batch.column("fecha_publicacion")
    runs = pc.run_end_encode(pc.add(pc.multiply(pc.year(times), pa.scalar(100)), pc.month(times)))
    start = 0
    for month, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield f"{month // 100:04d}-{month % 100:02d}", batch.slice(start, end - start)
        start = end


def replace_partitions(lake: Lake, table: LakeTable, parts: Sequence[NewPart]) -> None:
    """Makes the parts the whole content of their partitions, in one commit."""
    # Imported where it is needed: the library is large, and the service itself never writes to the lake.
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import AddAction, RemoveAction

    url = lake.delta_url(table.path)
    now = int(time.time() * 1000)
    try:
        delta = DeltaTable.create(
            url,
            schema=table.schema,
            partition_by=list(table.partitioned_by),
            mode="ignore",
            storage_options=lake.storage_options or None,
        )
        added = [
            AddAction(
                path=part.name,
                size=part.size,
                partition_values=dict(zip(table.partitioned_by, part.values, strict=True)),
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": part.rows}),
            )
            for part in parts
            if part.rows
        ]
        replaced = {part.values for part in parts}
        removed = [
            RemoveAction(
                old["path"],
                True,
                now,
                size=old["size_bytes"],
                partition_values={name: old[f"partition.{name}"] for name in table.partitioned_by},
            )
            for old in pa.table(delta.get_add_actions(flatten=True)).to_pylist()
            if tuple(old[f"partition.{name}"] for name in table.partitioned_by) in replaced
        ]
        if added or removed:
            delta.create_write_transaction([*added, *removed], "append", table.schema, list(table.partitioned_by))
    except (DeltaError, OSError) as error:
        raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
