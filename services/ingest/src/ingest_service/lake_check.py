"""Proves that the lake's copy equals the record: all rows of both, compared as multisets by DuckDB."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from service_runtime.database import Database, driver_of
from service_runtime.lake import Lake

from ingest_service.lake_store import LakeStore
from ingest_service.lake_tables import LAKE_TABLES, LakeTable, open_exported
from ingest_service.record_kinds import RECORD_KINDS


@dataclass(frozen=True)
class Difference:
    """A partition of a lake table that is not as the record: rows that it lacks, and rows that only it has."""

    table: str
    partition: tuple[str, ...]
    lacking: int
    only_there: int

    def __str__(self) -> str:
        where = "/".join(self.partition)
        return f"{self.table} {where}: lacks {self.lacking} rows of the record, has {self.only_there} others"


class LakeCheck:
    """Looks at one tenant's tables; nothing is copied meanwhile, so what differs is what a reader would see."""

    def __init__(self, database: Database, store: LakeStore, open_lake: Callable[[UUID], Lake]) -> None:
        self._database = database
        self._store = store
        self._open_lake = open_lake

    async def differences(self, tenant_id: UUID, folder: Path) -> list[Difference]:
        """Gives the partitions that differ, with files in a folder meanwhile."""
        found = []
        for kind in RECORD_KINDS.values():
            table = LAKE_TABLES[kind.name]
            exported = folder / f"{kind.name}.csv"
            async with self._database.tenant_session(tenant_id) as session:
                await self._store.lock(session, tenant_id, kind)
                driver = driver_of(session)
                await self._store.export_all(driver, kind, table.columns.names, exported)
                found += await asyncio.to_thread(_compare, self._open_lake(tenant_id), table, exported, folder)
            exported.unlink()
        return found


def _compare(lake: Lake, table: LakeTable, exported: Path, folder: Path) -> list[Difference]:
    partition, columns = ", ".join(table.partitioned_by), ", ".join(table.schema.names)
    with duckdb.connect(str(folder / "check.duckdb")) as connection:
        connection.execute("SET memory_limit = '512MB'; SET TimeZone = 'UTC'")
        if exported.stat().st_size:
            connection.register("record_rows", open_exported(exported, table.schema))
        else:
            connection.register("record_rows", table.schema.empty_table())
        # A stream is read once, and each side is looked at twice.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE record AS SELECT {columns} FROM record_rows")  # noqa: S608
        connection.register("lake", _lake_rows(lake, table))
        rows = connection.execute(
            f"SELECT {partition}, sum(lacking), sum(only_there) FROM ("  # noqa: S608
            f"SELECT {partition}, 1 AS lacking, 0 AS only_there "
            f"FROM (FROM record EXCEPT ALL SELECT {columns} FROM lake) UNION ALL "
            f"SELECT {partition}, 0, 1 FROM (SELECT {columns} FROM lake EXCEPT ALL FROM record)) "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    return [
        Difference(table.path, tuple(str(value) for value in values), int(lacking), int(only_there))
        for *values, lacking, only_there in rows
    ]


def _lake_rows(lake: Lake, table: LakeTable) -> "pa.dataset.Dataset | pa.Table":
    try:
        delta = DeltaTable(lake.delta_url(table.path), storage_options=lake.storage_options or None)
    except TableNotFoundError:
        return table.schema.empty_table()
    return delta.to_pyarrow_dataset()
