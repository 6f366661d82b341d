"""One truth for all replicas: whoever makes a version of an RFM table publishes it, and the history takes each."""

from datetime import datetime
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.jobs import JobQueue, JobRun

from analytics_service.rfm_scoring import Scores
from analytics_service.rfm_table_store import RfmTableStore

REFRESH = "refresh_rfm"


class RfmPublishing:
    """Gives and takes versions of tables; a job that brings history and table up to date is queued with its cause."""

    def __init__(self, database: Database, store: RfmTableStore, jobs: JobQueue) -> None:
        self._database, self._store, self._jobs = database, store, jobs

    async def find(self, tenant_id: UUID, version: str) -> tuple[Scores, bytes] | None:
        """The newest version with its customers as Parquet, where it is this one."""
        async with self._database.tenant_session(tenant_id) as session:
            newest = await self._store.newest(session)
            if newest is None or newest.scores.version != version:
                return None
            return newest.scores, await self._store.content(session, newest.number)

    async def publish(self, tenant_id: UUID, scores: Scores, content: bytes, age: float) -> None:
        """Publishes what was made of files that were seen `age` seconds ago."""
        async with self._database.tenant_session(tenant_id) as session:
            if await self._add(session, tenant_id, scores, content, age):
                await self._queue(session, tenant_id)

    async def publish_within(self, run: JobRun, scores: Scores, content: bytes, age: float) -> bool:
        """The same for a job, which then takes it into the history itself; tells whether it is new."""
        async with self._database.tenant_session(run.tenant_id) as session:
            added = await self._add(session, run.tenant_id, scores, content, age)
            await run.report(session=session)
            return added

    async def notice(self, tenant_id: UUID, version: str, moment: datetime) -> None:
        """Has a job look where something else than what is published was seen."""
        async with self._database.tenant_session(tenant_id) as session:
            newest = await self._store.newest(session)
            if newest is None or newest.scores.version != version or not newest.scores.holds(moment):
                await self._queue(session, tenant_id)

    async def queue(self, tenant_id: UUID) -> bool:
        """Queues a job unless one waits already, which is then told."""
        async with self._database.tenant_session(tenant_id) as session:
            return await self._queue(session, tenant_id)

    async def newest(self, tenant_id: UUID) -> Scores | None:
        async with self._database.tenant_session(tenant_id) as session:
            newest = await self._store.newest(session)
        return newest.scores if newest else None

    async def _add(self, session: Session, tenant_id: UUID, scores: Scores, content: bytes, age: float) -> bool:
        await self._store.take_turn(session, tenant_id)
        newest = await self._store.newest(session, age=age)
        # Another was as quick, or saw later files: the history never goes back to what was seen before.
        if newest is not None and (newest.is_later or newest.scores.identity == scores.identity):
            return False
        number = newest.number + 1 if newest else 1
        await self._store.add(session, tenant_id, number, scores, content, age)
        return True

    async def _queue(self, session: Session, tenant_id: UUID) -> bool:
        await self._store.take_turn(session, tenant_id)
        if await self._store.is_queued(session, REFRESH):
            return False
        await self._jobs.enqueue(session, tenant_id=tenant_id, kind=REFRESH, payload={}, requested_by="")
        return True
