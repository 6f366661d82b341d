"""Imports and their rejected rows in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service_runtime.database import Database
from service_runtime.identity import Identity
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_INSERT = text(
    "INSERT INTO imports (tenant_id, import_id, request, size, sha256, "
    "requested_by, requested_role, requested_kind) "
    "VALUES (:tenant_id, :import_id, CAST(:request AS jsonb), :size, :sha256, "
    ":requested_by, :requested_role, :requested_kind)"
)
_GET = text(
    "SELECT request, size, sha256, recorded, requested_by, requested_role, requested_kind "
    "FROM imports WHERE import_id = :import_id"
)
_RECORDED = text("UPDATE imports SET recorded = CAST(:recorded AS jsonb) WHERE import_id = :import_id")
_FORGET = text("DELETE FROM rejected_rows WHERE import_id = :import_id")
_REJECTED = text(
    "SELECT line, column_name, value, reason, raw FROM rejected_rows "
    "WHERE import_id = :import_id AND line > :after ORDER BY line LIMIT :limit"
)
_INSERT_REJECTED = text(
    "INSERT INTO rejected_rows (tenant_id, import_id, line, column_name, value, reason, raw) "
    "SELECT :tenant_id, :import_id, * FROM unnest(CAST(:lines AS integer[]), CAST(:columns AS text[]), "
    "CAST(:values AS text[]), CAST(:reasons AS text[]), CAST(:raws AS text[])) ON CONFLICT DO NOTHING"
)
_DATASET = text("SELECT sha256, rows FROM datasets WHERE name = :name")
_SET_DATASET = text(
    "INSERT INTO datasets (tenant_id, name, sha256, rows) VALUES (:tenant_id, :name, :sha256, :rows) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET sha256 = excluded.sha256, rows = excluded.rows, updated_at = now()"
)


@dataclass(frozen=True)
class ImportRecord:
    """An accepted file, and who sent it; `recorded` holds the counts once its rows are in the record."""

    request: dict[str, Any]
    size: int
    sha256: str
    recorded: dict[str, Any] | None
    requested_by: str
    requested_role: str
    requested_kind: str


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not taken, as its owner sees it."""

    line: int
    column_name: str
    value: str
    reason: str
    raw: str


class ImportStore:
    """Imports of the session's tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self,
        session: AsyncSession,
        caller: Identity,
        import_id: UUID,
        request: dict[str, Any],
        size: int,
        sha256: str,
    ) -> None:
        await session.execute(
            _INSERT,
            {
                "tenant_id": caller.tenant_id,
                "import_id": import_id,
                "request": json.dumps(request),
                "size": size,
                "sha256": sha256,
                "requested_by": caller.subject,
                "requested_role": caller.role,
                "requested_kind": caller.kind,
            },
        )

    async def get(self, tenant_id: UUID, import_id: UUID) -> ImportRecord | None:
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_GET, {"import_id": import_id})).mappings().one_or_none()
        return ImportRecord(**row) if row is not None else None

    async def mark_recorded(self, session: AsyncSession, import_id: UUID, recorded: Mapping[str, Any]) -> None:
        await session.execute(_RECORDED, {"import_id": import_id, "recorded": json.dumps(dict(recorded))})

    async def forget_rejected(self, session: AsyncSession, import_id: UUID) -> None:
        """Drops what an earlier attempt has kept."""
        await session.execute(_FORGET, {"import_id": import_id})

    async def keep_rejected(
        self, session: AsyncSession, tenant_id: UUID, import_id: UUID, rows: Sequence[RejectedRow]
    ) -> None:
        await session.execute(
            _INSERT_REJECTED,
            {
                "tenant_id": tenant_id,
                "import_id": import_id,
                "lines": [row.line for row in rows],
                "columns": [row.column_name for row in rows],
                "values": [row.value for row in rows],
                "reasons": [row.reason for row in rows],
                "raws": [row.raw for row in rows],
            },
        )

    async def rejected(self, tenant_id: UUID, import_id: UUID, after: int, limit: int) -> list[RejectedRow]:
        async with self._database.tenant_session(tenant_id) as session:
            values = {"import_id": import_id, "after": after, "limit": limit}
            rows = (await session.execute(_REJECTED, values)).mappings().all()
        return [RejectedRow(**row) for row in rows]

    async def dataset(self, session: AsyncSession, name: str) -> tuple[str, int] | None:
        """Gives the hash and the rows of a dataset as it stands in the lake."""
        row = (await session.execute(_DATASET, {"name": name})).one_or_none()
        return (str(row[0]), int(row[1])) if row is not None else None

    async def set_dataset(self, session: AsyncSession, tenant_id: UUID, name: str, sha256: str, rows: int) -> None:
        await session.execute(_SET_DATASET, {"tenant_id": tenant_id, "name": name, "sha256": sha256, "rows": rows})
