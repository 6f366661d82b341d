"""Queues the sources that are due. Every worker looks; each due run is queued once, by whoever holds the row."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import structlog
from service_runtime.database import Database
from service_runtime.errors import ServiceError
from service_runtime.jobs import JobQueue

from ingest_service.sources.schedule import next_run
from ingest_service.sources.source_store import SourceStore
from ingest_service.sources.sources import queue_run

LOOK_SECONDS = 15.0
_log = structlog.stdlib.get_logger("ingest_service.sources")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Scheduler:
    """The clock of sources."""

    def __init__(
        self,
        database: Database,
        store: SourceStore,
        queue: JobQueue,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._queue = queue
        self._clock = clock

    async def look(self) -> int:
        """Queues what is due by now; tells how many runs that were."""
        moment = self._clock()
        async with self._database.system_session() as session:
            due = await self._store.all_due(session, moment)
        queued = 0
        for tenant_id, source_id in due:
            try:
                queued += await self._queue_one(tenant_id, source_id, moment)
            except ServiceError as error:
                # A full queue, say: the source stays due, and the others are not held up.
                _log.warning("a source that is due is not queued", tenant_id=str(tenant_id), reason=error.reason)
        return queued

    async def _queue_one(self, tenant_id: UUID, source_id: UUID, moment: datetime) -> bool:
        async with self._database.tenant_session(tenant_id) as session:
            source = await self._store.take_due(session, source_id, moment)
            if source is None:
                return False
            # However many were missed, one is made up for.
            await self._store.set_next_run(session, source_id, next_run(source.schedule, source.timezone, moment))
            if source.runs:
                return False
            await queue_run(session, self._queue, self._store, tenant_id, source, "schedule", full=False)
        return True
