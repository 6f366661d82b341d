"""What of old imports, exports and source runs is to go, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.database import Session
from service_runtime.jobs import SideTask
from sqlalchemy import text

from ingest_service.sources.schedule import next_run

CLEAN_UP = SideTask("ingest-clean-up", "clean_up")
_EVERY_NIGHT = "0 2 * * *"
# A worker's clock may be behind the database's; a call that comes that early is the one that is due.
_EARLY = timedelta(minutes=30)

_EXPECT = text(
    "INSERT INTO clean_ups (tenant_id, timezone, due_at) VALUES (:tenant_id, :timezone, :due_at) "
    "ON CONFLICT (tenant_id) DO UPDATE SET timezone = excluded.timezone "
    "WHERE clean_ups.timezone <> excluded.timezone RETURNING xmax = 0 AS is_new"
)
_DUE = text("SELECT timezone FROM clean_ups WHERE due_at <= :moment")
_NEXT = text("UPDATE clean_ups SET due_at = :due_at WHERE due_at <= :moment RETURNING tenant_id")
# Its job cannot be tried again while the row is held, and sees afterwards that the file is gone.
_END_UPLOADS = text(
    "WITH ended AS (SELECT id FROM jobs WHERE id = ANY(:ids) AND (status = 'SUCCEEDED' "
    "OR status IN ('FAILED', 'CANCELLED') AND finished_at <= :before) FOR UPDATE) "
    "UPDATE imports SET upload_removed = true FROM ended WHERE import_id = ended.id RETURNING import_id"
)
_KNOWN_UPLOADS = text("SELECT import_id FROM imports WHERE import_id = ANY(:ids)")
# No replay begins while the import's row is held, and no retry while its job's is.
_OLD_REJECTIONS = text(
    "SELECT import_id FROM imports JOIN jobs ON jobs.id = import_id WHERE replay_of IS NULL AND columns IS NOT NULL "
    "AND NOT rows_removed AND finished_at <= :before AND NOT EXISTS (SELECT FROM imports AS again "
    "JOIN jobs AS its ON its.id = again.import_id WHERE again.replay_of = imports.import_id "
    "AND (its.finished_at IS NULL OR its.finished_at > :before)) LIMIT :limit FOR UPDATE OF imports, jobs"
)
_FORGET_REJECTIONS = (
    text("DELETE FROM rejected_rows WHERE import_id = ANY(:ids)"),
    text("UPDATE imports SET corrections = NULL WHERE replay_of = ANY(:ids)"),
    text("UPDATE imports SET rows_removed = true WHERE import_id = ANY(:ids)"),
)
_FORGET_LEFT_OUT = text(
    "DELETE FROM source_rejections USING jobs WHERE jobs.id = job_id "
    "AND jobs.tenant_id = source_rejections.tenant_id AND finished_at <= :before"
)
# Who is about to put a file there says so in the row first, and waits while it is held.
_EXPORTS = text(
    "SELECT export_id, removed OR coalesce(expires_at <= :moment, false) AS is_over "
    "FROM exports WHERE export_id = ANY(:ids) FOR UPDATE"
)


class CleanUpStore:
    """Clean-ups of the session's tenant."""

    async def expect(self, session: Session, tenant_id: UUID, timezone: str, moment: datetime) -> None:
        """Sees to it that there is a clean-up every night from now on, by the clock of this time zone."""
        due_at = _next_night(timezone, moment)
        values = {"tenant_id": tenant_id, "timezone": timezone, "due_at": due_at}
        if (await session.execute(_EXPECT, values)).scalar_one_or_none():
            await CLEAN_UP.ask(session, tenant_id, seconds=(due_at - moment).total_seconds())

    async def due(self, session: Session, moment: datetime) -> str | None:
        """Gives the tenant's time zone where a clean-up is due."""
        found: str | None = (await session.execute(_DUE, {"moment": moment + _EARLY})).scalar_one_or_none()
        return found

    async def expect_next(self, session: Session, tenant_id: UUID, timezone: str, moment: datetime) -> None:
        """Queues the next one; of two that come to their end only the first does."""
        moment += _EARLY
        due_at = _next_night(timezone, moment)
        if (await session.execute(_NEXT, {"due_at": due_at, "moment": moment})).scalar_one_or_none() is not None:
            await CLEAN_UP.ask(session, tenant_id, seconds=(due_at - moment + _EARLY).total_seconds())

    async def end_uploads(self, session: Session, ids: Sequence[UUID], before: datetime) -> set[UUID]:
        """Gives those of these imports whose files nobody needs: done, or not tried again by then."""
        return set((await session.execute(_END_UPLOADS, {"ids": list(ids), "before": before})).scalars())

    async def unknown_uploads(self, session: Session, ids: Sequence[UUID]) -> set[UUID]:
        """Gives those of these ids that are no imports."""
        return set(ids) - set((await session.execute(_KNOWN_UPLOADS, {"ids": list(ids)})).scalars())

    async def forget_rejections(self, session: Session, before: datetime, limit: int) -> int:
        """Removes the rejected rows of imports that ended, and were last replayed, before; gives of how many."""
        ids = list((await session.execute(_OLD_REJECTIONS, {"before": before, "limit": limit})).scalars())
        for statement in _FORGET_REJECTIONS:
            await session.execute(statement, {"ids": ids})
        return len(ids)

    async def forget_left_out(self, session: Session, before: datetime) -> None:
        """Removes what source runs left out that ended before."""
        await session.execute(_FORGET_LEFT_OUT, {"before": before})

    async def hold_exports(self, session: Session, ids: Sequence[UUID], moment: datetime) -> dict[UUID, bool]:
        """Tells of each of these exports whether its time is over; it stays so until the session's end."""
        rows = await session.execute(_EXPORTS, {"ids": list(ids), "moment": moment})
        return {row.export_id: row.is_over for row in rows}


def _next_night(timezone: str, moment: datetime) -> datetime:
    found = next_run(_EVERY_NIGHT, timezone, moment)
    if found is None:
        raise ValueError("there is always a next night")
    return found
