"""Removes jobs that ended long ago, or what is known of jobs would grow for ever."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import text

from service_runtime.database import Database, Session

EVERY_SECONDS = 3600
# A batch takes milliseconds, so nobody waits long for what it holds.
BATCH = 1000

_TENANTS = text("SELECT tenant_id FROM tenants_with_ended_jobs(:days)")
# One that is tried again in this moment is held, and stays.
_REMOVE = text(
    "DELETE FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM jobs "
    "WHERE finished_at < now() - make_interval(secs => 86400 * CAST(:days AS float8)) LIMIT :most "
    "FOR UPDATE SKIP LOCKED))"
)

# Removes some of the session's tenant's jobs that ended so many days ago, so many at most; gives how many.
Remove: TypeAlias = Callable[[Session, float, int], Awaitable[int]]

_log = structlog.stdlib.get_logger("service_runtime.worker")


async def remove_ended(session: Session, days: float, most: int) -> int:
    """Removes jobs that nothing else points to."""
    return int((await session.execute(_REMOVE, {"days": days, "most": most})).rowcount)


class EndedJobs:
    """Looks now and then beside a worker's jobs, at all tenants; several workers at once do no harm."""

    def __init__(self, database: Database, days: float, remove: Remove = remove_ended, *, batch: int = BATCH) -> None:
        """`remove` is for a service with more than the job's row to remove, or to keep."""
        self._database = database
        self._days = days
        self._remove = remove
        self._batch = batch

    async def run_once(self) -> int:
        """Removes all that ended so long ago; gives how many."""
        async with self._database.system_session() as session:
            tenants = (await session.execute(_TENANTS, {"days": self._days})).scalars().all()
        removed = sum([await self._remove_all(tenant_id) for tenant_id in tenants])
        _log.info("ended jobs are removed", jobs=removed)
        return removed

    async def _remove_all(self, tenant_id: UUID) -> int:
        removed, some = 0, self._batch
        while some == self._batch:
            async with self._database.tenant_session(tenant_id) as session:
                some = await self._remove(session, self._days, self._batch)
            removed += some
        return removed
