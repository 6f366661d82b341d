"""Rejected rows that are tried again, in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from service_runtime.database import Session
from service_runtime.identity import Identity
from sqlalchemy import text

from ingest_service.import_store import MOST_KEPT, RejectedRow

_INSERT = text(
    "INSERT INTO imports (tenant_id, import_id, request, size, sha256, requested_by, requested_role, requested_kind, "
    "replay_of, corrections) VALUES (:tenant_id, :import_id, CAST(:request AS jsonb), 0, '', :requested_by, "
    ":requested_role, :requested_kind, :original, CAST(:corrections AS jsonb))"
)
# Replays of one import take turns here until their transactions end.
_LOCK = text("SELECT import_id FROM imports WHERE import_id = :original FOR UPDATE")
_UNDER_WAY = text(
    "SELECT EXISTS (SELECT FROM imports JOIN jobs ON jobs.id = imports.import_id WHERE replay_of = :original "
    "AND import_id <> :besides AND status = ANY(:statuses))"
)
_LINES = text("SELECT line FROM rejected_rows WHERE import_id = :original AND line = ANY(:lines)")
_COUNT = text("SELECT count(*) FROM rejected_rows WHERE import_id = :original")
_NOT_KEPT = text("SELECT greatest(0, rows_rejected - :most) FROM jobs WHERE id = :original")
# All count as taken until they are rejected again; what that is worth shows at the replay's end.
_TRY = text("UPDATE rejected_rows SET tried_by = :replay, taken = true WHERE import_id = :original")
_AGAIN = text(
    "UPDATE rejected_rows SET taken = false, column_name = again.column_name, value = again.value, "
    "reason = again.reason FROM (SELECT * FROM unnest(CAST(:lines AS integer[]), CAST(:columns AS text[]), "
    "CAST(:values AS text[]), CAST(:reasons AS text[]))) AS again (line, column_name, value, reason) "
    "WHERE rejected_rows.import_id = :original AND tried_by = :replay AND rejected_rows.line = again.line"
)
_SETTLE = text("DELETE FROM rejected_rows WHERE import_id = :original AND tried_by = :replay AND taken")


class ReplayStore:
    """Replays of the session's tenant's imports."""

    async def insert(
        self,
        session: Session,
        caller: Identity,
        replay: UUID,
        request: Mapping[str, Any],
        original: UUID,
        corrections: Mapping[str, Any],
    ) -> None:
        await session.execute(
            _INSERT,
            {
                "tenant_id": caller.tenant_id,
                "import_id": replay,
                "request": json.dumps(dict(request)),
                "requested_by": caller.subject,
                "requested_role": caller.role,
                "requested_kind": caller.kind,
                "original": original,
                "corrections": json.dumps(dict(corrections)),
            },
        )

    async def is_under_way(
        self, session: Session, original: UUID, besides: UUID, statuses: Sequence[str] = ("QUEUED", "RUNNING")
    ) -> bool:
        """Tells whether another replay of the import is; none begins until the session's transaction ends."""
        await session.execute(_LOCK, {"original": original})
        values = {"original": original, "besides": besides, "statuses": list(statuses)}
        return bool((await session.execute(_UNDER_WAY, values)).scalar_one())

    async def known_lines(self, session: Session, original: UUID, lines: Sequence[int]) -> set[int]:
        rows = await session.execute(_LINES, {"original": original, "lines": list(lines)})
        return set(rows.scalars())

    async def count(self, session: Session, original: UUID) -> int:
        return int((await session.execute(_COUNT, {"original": original})).scalar_one())

    async def not_kept(self, session: Session, original: UUID) -> int:
        """Counts the rejected rows of an import that nobody has any more."""
        return int(
            (await session.execute(_NOT_KEPT, {"original": original, "most": MOST_KEPT})).scalar_one_or_none() or 0
        )

    async def begin(self, session: Session, original: UUID, replay: UUID) -> None:
        """Notes that all rows are tried by this replay."""
        await session.execute(_TRY, {"original": original, "replay": replay})

    async def reject_again(self, session: Session, original: UUID, replay: UUID, rows: Sequence[RejectedRow]) -> None:
        await session.execute(
            _AGAIN,
            {
                "original": original,
                "replay": replay,
                "lines": [row.line for row in rows],
                "columns": [row.column_name for row in rows],
                "values": [row.value for row in rows],
                "reasons": [row.reason for row in rows],
            },
        )

    async def settle(self, session: Session, original: UUID, replay: UUID) -> None:
        """Takes the rows that were not rejected again off the list."""
        await session.execute(_SETTLE, {"original": original, "replay": replay})
