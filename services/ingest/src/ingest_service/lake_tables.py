"""The Delta tables of the lake: their columns, and how partitions are replaced by one commit."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from service_runtime.errors import Unavailable
from service_runtime.lake import Lake

_TIME = pa.timestamp("us", "UTC")
_WHOLE, _TEXT = pa.int32(), pa.string()


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
    """A partition's new content: its values, and its file (None: the partition has no rows any more)."""

    values: tuple[str, ...]
    name: str
    size: int
    rows: int


def write_part(lake: Lake, table: LakeTable, values: tuple[str, ...], exported: Path, folder: Path) -> NewPart:
    """Makes a Parquet file of a partition's exported rows and puts it into the lake; nothing reads it yet."""
    name = f"part-{uuid4()}.parquet"
    local = folder / name
    rows = 0
    if exported.stat().st_size:
        reader = csv.open_csv(
            exported,
            read_options=csv.ReadOptions(column_names=table.columns.names, block_size=8 << 20, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=table.columns, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
            ),
        )
        with pq.ParquetWriter(local, table.columns, compression="zstd") as writer:
            for batch in reader:
                rows += batch.num_rows
                writer.write_batch(batch)
    if not rows:
        return NewPart(values, "", 0, 0)
    size = local.stat().st_size
    lake.put_file(local, f"{table.path}/{name}")
    local.unlink()
    return NewPart(values, name, size, rows)


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
