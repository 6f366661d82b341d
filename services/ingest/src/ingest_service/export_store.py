"""Exports in PostgreSQL: what was asked for, and what is known of the file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service_runtime.database import Session
from service_runtime.identity import Identity
from sqlalchemy import text

_INSERT = text(
    "INSERT INTO exports (tenant_id, export_id, request, requested_by, requested_role, requested_kind) "
    "VALUES (:tenant_id, :export_id, CAST(:request AS jsonb), :requested_by, :requested_role, :requested_kind)"
)
_GET = text(
    "SELECT request, requested_by, requested_role, requested_kind, created_at, sha256, size, "
    "accounts, "
    "coalesce(expires_at <= now(), false) AS is_expired FROM exports WHERE export_id = :export_id"
)
_EXPECT = text(
    "UPDATE exports SET expires_at = now() + make_interval(secs => :seconds), sha256 = '', removed = false "
    "WHERE export_id = :export_id RETURNING expires_at"
)
_WHOLE = text(
    "UPDATE exports SET sha256 = :sha256, size = :size, accounts = CAST(:accounts AS integer[]) "
    "WHERE export_id = :export_id"
)
_EXPIRED = text("SELECT export_id, request->>'format' FROM exports WHERE NOT removed AND expires_at <= now()")
_REMOVED = text("UPDATE exports SET removed = true WHERE export_id = :export_id")


@dataclass(frozen=True)
class ExportRecord:
    """An export, who asked for it, and its file: `sha256` is empty while there is none, `accounts` are those whose rows
    can be in it."""

    request: dict[str, Any]
    requested_by: str
    requested_role: str
    requested_kind: str
    created_at: datetime
    sha256: str
    size: int
    accounts: Sequence[int]
    is_expired: bool


class ExportStore:
    """Exports of the session's tenant."""

    async def insert(self, session: Session, caller: Identity, export_id: UUID, request: dict[str, Any]) -> None:
        values = {
            "tenant_id": caller.tenant_id,
            "export_id": export_id,
            "request": json.dumps(request),
            "requested_by": caller.subject,
            "requested_role": caller.role,
            "requested_kind": caller.kind,
        }
        await session.execute(_INSERT, values)

    async def get(self, session: Session, export_id: UUID) -> ExportRecord | None:
        row = (await session.execute(_GET, {"export_id": export_id})).mappings().one_or_none()
        return ExportRecord(**row) if row is not None else None

    async def expect_file(self, session: Session, export_id: UUID, seconds: float) -> datetime | None:
        """Notes that a file is about to be there for so long; gives when it is to go, None where the export is gone."""
        values = {"export_id": export_id, "seconds": seconds}
        moment: datetime | None = (await session.execute(_EXPECT, values)).scalar_one_or_none()
        return moment

    async def note_file(
        self, session: Session, export_id: UUID, sha256: str, size: int, accounts: Sequence[int]
    ) -> None:
        values = {"export_id": export_id, "sha256": sha256, "size": size, "accounts": list(accounts)}
        await session.execute(_WHOLE, values)

    async def expired(self, session: Session) -> list[tuple[UUID, str]]:
        """Gives the exports whose files are to be removed, and their formats."""
        return [(row[0], row[1]) for row in await session.execute(_EXPIRED)]

    async def note_removed(self, session: Session, export_id: UUID) -> None:
        await session.execute(_REMOVED, {"export_id": export_id})
