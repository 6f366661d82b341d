"""Imports and their rejected rows in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.identity import Identity
from sqlalchemy import text

_INSERT = text(
    "INSERT INTO imports (tenant_id, import_id, request, size, sha256, "
    "requested_by, requested_role, requested_kind) "
    "VALUES (:tenant_id, :import_id, CAST(:request AS jsonb), :size, :sha256, "
    ":requested_by, :requested_role, :requested_kind)"
)
_GET = text(
    "SELECT request, size, sha256, recorded, requested_by, requested_role, requested_kind, "
    "columns, judged, replay_of, corrections, upload_removed, rows_removed "
    "FROM imports WHERE import_id = :import_id"
)
_RECORDED = text("UPDATE imports SET recorded = CAST(:recorded AS jsonb) WHERE import_id = :import_id")
_FORGET = text("DELETE FROM rejected_rows WHERE import_id = :import_id")
_REJECTED = text(
    "SELECT line, column_name, value, reason, raw, cells FROM rejected_rows "
    "WHERE import_id = :import_id AND line > :after AND (CAST(:replay AS uuid) IS NULL "
    "OR tried_by = CAST(:replay AS uuid) AND NOT taken) ORDER BY line LIMIT :limit"
)
_INSERT_REJECTED = text(
    "INSERT INTO rejected_rows (tenant_id, import_id, line, column_name, value, reason, raw, cells) "
    "SELECT :tenant_id, :import_id, line, name, value, reason, raw, CAST(cells AS jsonb) FROM unnest("
    "CAST(:lines AS integer[]), CAST(:columns AS text[]), CAST(:values AS text[]), CAST(:reasons AS text[]), "
    "CAST(:raws AS text[]), CAST(:cells AS text[])) AS row (line, name, value, reason, raw, cells) "
    "ON CONFLICT DO NOTHING"
)
_TELL_FILE = text(
    "UPDATE imports SET columns = CAST(:columns AS text[]), judged = CAST(:judged AS jsonb), rows_removed = false "
    "WHERE import_id = :import_id"
)
# Also where there is no row yet.
_LOCK_DATASET = text("SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.tenant_id') || :name, 4716))")
_DATASET = text("SELECT sha256, rows, size FROM datasets WHERE name = :name FOR UPDATE")
_SET_DATASET = text(
    "INSERT INTO datasets (tenant_id, name, sha256, rows, size) VALUES (:tenant_id, :name, :sha256, :rows, :size) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET sha256 = excluded.sha256, rows = excluded.rows, "
    "size = excluded.size, updated_at = now()"
)

# Of the rejected rows of an import so many are kept, and of each so many characters as it stands in the file.
MOST_KEPT = 100_000
MOST_RAW = 10_000


@dataclass(frozen=True)
class ImportRecord:
    """An accepted file, and who sent it; `recorded` holds the counts once its rows are in the record.

    `columns` and `judged` tell of the file where rows were rejected. A replay has no file: it tries the rejected rows
    of the import `replay_of` again, with `corrections` by line. What was kept for its time is `removed`.
    """

    request: dict[str, Any]
    size: int
    sha256: str
    recorded: dict[str, Any] | None
    requested_by: str
    requested_role: str
    requested_kind: str
    columns: list[str] | None = None
    judged: dict[str, Any] | None = None
    replay_of: UUID | None = None
    corrections: dict[str, Any] | None = None
    upload_removed: bool = False
    rows_removed: bool = False

    @property
    def original(self) -> UUID:
        """The import of which this one is a replay."""
        if self.replay_of is None:
            raise ValueError("not a replay")
        return self.replay_of


@dataclass(frozen=True)
class KnownDataset:
    """A dataset as it stands in the lake: its file's hash, its rows and, where known, its bytes."""

    sha256: str
    rows: int
    size: int | None

    def is_of(self, sha256: str, size: int) -> bool:
        """Tells whether a file of so many bytes that lies there can be the one made of an upload with that hash."""
        return self.sha256 == sha256 and self.size in (None, size)


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not taken, as its owner sees it; without cells where these cannot be told or are too long."""

    line: int
    column_name: str
    value: str
    reason: str
    raw: str
    cells: list[str] | None = None


class ImportStore:
    """Imports of the session's tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self,
        session: Session,
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

    async def mark_recorded(self, session: Session, import_id: UUID, recorded: Mapping[str, Any]) -> None:
        await session.execute(_RECORDED, {"import_id": import_id, "recorded": json.dumps(dict(recorded))})

    async def forget_rejected(self, session: Session, import_id: UUID) -> None:
        """Drops what an earlier attempt has kept."""
        await session.execute(_FORGET, {"import_id": import_id})

    async def keep_rejected(
        self, session: Session, tenant_id: UUID, import_id: UUID, rows: Sequence[RejectedRow]
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
                "cells": [json.dumps(row.cells, ensure_ascii=False) if row.cells else None for row in rows],
            },
        )

    async def tell_file(
        self, session: Session, import_id: UUID, columns: Sequence[str], judged: Mapping[str, Any] | None
    ) -> None:
        """Keeps what trying its rows again needs to know of a file."""
        values = {"import_id": import_id, "columns": list(columns), "judged": json.dumps(judged) if judged else None}
        await session.execute(_TELL_FILE, values)

    async def rejected(
        self, tenant_id: UUID, import_id: UUID, after: int, limit: int, *, replay: UUID | None = None
    ) -> list[RejectedRow]:
        """Gives rejected rows of an import; with `replay` those that this one tried and rejected again."""
        async with self._database.tenant_session(tenant_id) as session:
            values = {"import_id": import_id, "after": after, "limit": limit, "replay": replay}
            rows = (await session.execute(_REJECTED, values)).mappings().all()
        return [RejectedRow(**row) for row in rows]

    async def dataset(self, session: Session, name: str) -> KnownDataset | None:
        """Tells of a dataset, which nobody else changes until the session's transaction ends."""
        await session.execute(_LOCK_DATASET, {"name": name})
        row = (await session.execute(_DATASET, {"name": name})).mappings().one_or_none()
        return KnownDataset(**row) if row is not None else None

    async def set_dataset(self, session: Session, tenant_id: UUID, name: str, known: KnownDataset) -> None:
        values = {"tenant_id": tenant_id, "name": name, **vars(known)}
        await session.execute(_SET_DATASET, values)
