"""How far the tables of sources have come, and what runs left out, in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from service_runtime.database import Session
from service_runtime.storable import storable
from sqlalchemy import text

from ingest_service.sources.table import Column, Rejected, TableState

_LIST = text(
    "SELECT source_id, name, dataset, columns, cursor_column, cursor_value, rows, deleted_rows, drift, path, etag "
    "FROM source_tables WHERE source_id = ANY(:source_ids)"
)
_SET = text(
    "INSERT INTO source_tables (tenant_id, source_id, name, dataset, columns, cursor_column, cursor_value, rows, "
    "deleted_rows, drift, path, etag) VALUES (:tenant_id, :source_id, :name, :dataset, CAST(:columns AS jsonb), "
    ":cursor_column, :cursor_value, :rows, :deleted_rows, :drift, :path, :etag) "
    "ON CONFLICT (tenant_id, source_id, name) DO UPDATE SET dataset = excluded.dataset, columns = excluded.columns, "
    "cursor_column = excluded.cursor_column, cursor_value = excluded.cursor_value, rows = excluded.rows, "
    "deleted_rows = excluded.deleted_rows, drift = excluded.drift, path = excluded.path, etag = excluded.etag"
)
# An import of the same name must not take the source's file for its own.
_FORGET_DATASET = text("DELETE FROM datasets WHERE name = :dataset")
_INSERT_REJECTED = text(
    "INSERT INTO source_rejections (tenant_id, job_id, number, table_name, line, column_name, value, reason, raw) "
    "SELECT :tenant_id, :job_id, * FROM unnest(CAST(:numbers AS integer[]), CAST(:tables AS text[]), "
    "CAST(:lines AS bigint[]), CAST(:columns AS text[]), CAST(:values AS text[]), CAST(:reasons AS text[]), "
    "CAST(:raws AS text[]))"
)
_FORGET_REJECTED = text("DELETE FROM source_rejections WHERE job_id = :job_id")
_REJECTED = text(
    "SELECT number, table_name, line, column_name, value, reason, raw FROM source_rejections "
    "WHERE job_id = :job_id AND number > :after ORDER BY number LIMIT :limit"
)
_AT_ONCE = 5_000


class TableStateStore:
    """Tables of the session's tenant's sources."""

    async def states(self, session: Session, source_ids: Sequence[UUID]) -> dict[UUID, dict[str, TableState]]:
        """Gives the states by source and table."""
        found: dict[UUID, dict[str, TableState]] = {source_id: {} for source_id in source_ids}
        for row in (await session.execute(_LIST, {"source_ids": list(source_ids)})).mappings():
            found[row["source_id"]][row["name"]] = TableState(
                name=row["name"],
                dataset=row["dataset"],
                columns=tuple(Column(**column) for column in row["columns"]),
                cursor=row["cursor_column"],
                cursor_value=row["cursor_value"],
                rows=row["rows"],
                deleted_rows=row["deleted_rows"],
                drift=row["drift"],
                path=row["path"],
                etag=row["etag"],
            )
        return found

    async def set(self, session: Session, tenant_id: UUID, source_id: UUID, state: TableState) -> None:
        values = {
            "tenant_id": tenant_id,
            "source_id": source_id,
            "name": state.name,
            "dataset": state.dataset,
            "columns": json.dumps([column.as_json() for column in state.columns]),
            "cursor_column": state.cursor,
            "cursor_value": state.cursor_value,
            "rows": state.rows,
            "deleted_rows": state.deleted_rows,
            "drift": state.drift,
            "path": state.path,
            "etag": state.etag,
        }
        await session.execute(_SET, values)
        await session.execute(_FORGET_DATASET, {"dataset": state.dataset})

    async def keep_rejected(
        self, session: Session, tenant_id: UUID, job_id: UUID, rejected: Sequence[Rejected]
    ) -> None:
        """Keeps what a run left out, in place of what an earlier attempt has kept."""
        await session.execute(_FORGET_REJECTED, {"job_id": job_id})
        for start in range(0, len(rejected), _AT_ONCE):
            some = rejected[start : start + _AT_ONCE]
            values = {
                "tenant_id": tenant_id,
                "job_id": job_id,
                "numbers": list(range(start + 1, start + len(some) + 1)),
                "tables": [row.table for row in some],
                "lines": [row.row for row in some],
                "columns": [row.column for row in some],
                "values": [storable(row.value) for row in some],
                "reasons": [row.reason for row in some],
                "raws": [storable(row.raw) for row in some],
            }
            await session.execute(_INSERT_REJECTED, values)

    async def rejected(self, session: Session, job_id: UUID, after: int, limit: int) -> list[Mapping[str, Any]]:
        """Gives what a run left out behind a number."""
        rows = await session.execute(_REJECTED, {"job_id": job_id, "after": after, "limit": limit})
        return [dict(row) for row in rows.mappings()]
