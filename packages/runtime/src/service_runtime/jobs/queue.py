"""The jobs of a service: asked for, looked up, cancelled, waited for."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid6 import uuid7

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, NotFound
from service_runtime.idempotency import note_effect
from service_runtime.jobs.audit_outbox import AuditOutbox
from service_runtime.jobs.defer import defer
from service_runtime.jobs.record import ENDED, JobRecord, read_record
from service_runtime.quotas import keep_within

_INSERT = text(
    "INSERT INTO jobs (id, tenant_id, kind, payload, requested_by) "
    "VALUES (:id, :tenant_id, :kind, CAST(:payload AS jsonb), :requested_by) RETURNING *, now() AS read_at"
)
_UNFINISHED = text("SELECT count(*) FROM jobs WHERE tenant_id = :tenant_id AND status IN ('QUEUED', 'RUNNING')")
_GET = text("SELECT *, now() AS read_at FROM jobs WHERE id = :id")
_LIST = text(
    "SELECT *, now() AS read_at FROM jobs WHERE (:kind = '' OR kind = :kind) AND (:status = '' OR status = :status) "
    "AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid)) ORDER BY id DESC LIMIT :limit"
)
_CANCEL = text(
    "UPDATE jobs SET cancel_requested = true, "
    "status = CASE WHEN status = 'QUEUED' THEN 'CANCELLED' ELSE status END, "
    "finished_at = CASE WHEN status = 'QUEUED' THEN now() END "
    "WHERE id = :id AND status IN ('QUEUED', 'RUNNING') RETURNING *, now() AS read_at"
)
# Attempts go on counting, for they fence; what was released is not counted against the job.
_RETRY = text(
    "UPDATE jobs SET status = 'QUEUED', releases = attempt, cancel_requested = false, error = '', code = '', "
    "progress = 0, rows_read = 0, rows_written = 0, rows_unchanged = 0, rows_rejected = 0, details = '{}', "
    "result = '{}', started_at = NULL, finished_at = NULL "
    "WHERE id = :id AND status IN ('FAILED', 'CANCELLED') RETURNING *, now() AS read_at"
)
# One that was cancelled while it waited still stands there.
_UNQUEUE = text(
    "DELETE FROM procrastinate_jobs WHERE queue_name = :queue AND status = 'todo' AND args->>'job_id' = :id"
)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.25
# When a job may have ended that stood in the way of another.
_QUOTA_RETRY_SECONDS = 10


class JobQueue:
    """Jobs of one service; each look-up sees one tenant's."""

    def __init__(
        self, database: Database, service: str, audit: AuditOutbox | None = None, *, most_unfinished: int = 0
    ) -> None:
        """With `audit` each job that is asked for, cancelled or tried again is told to the trail.

        `most_unfinished` bounds the jobs of a tenant that wait or run; 0: any number.
        """
        self._database = database
        self._service = service
        self._audit = audit
        self._most_unfinished = most_unfinished

    async def enqueue(
        self,
        session: Session,
        *,
        tenant_id: UUID,
        kind: str,
        payload: Mapping[str, Any],
        requested_by: str,
        job_id: str | None = None,
    ) -> JobRecord:
        """Queues a job in the session's transaction: it runs if, and only if, that commits.

        Raises ResourceExhausted where too many of the tenant's wait or run already.
        """
        await self._keep_within_quota(session, tenant_id)
        key = self._key(job_id) if job_id else UUID(str(uuid7()))
        row = await session.execute(
            _INSERT,
            {
                "id": key,
                "tenant_id": tenant_id,
                "kind": kind,
                "payload": json.dumps(dict(payload)),
                "requested_by": requested_by,
            },
        )
        await defer(session, self._service, tenant_id, key)
        record = read_record(self._service, row.mappings().one())
        # Without a name, which the trail gives: a job is seldom what the caller asked for.
        await note_effect(session, "")
        if self._audit is not None:
            await self._audit.record(
                session, tenant_id=tenant_id, actor=requested_by, action=kind, resource=f"jobs/{record.id}"
            )
        return record

    async def get(self, tenant_id: UUID, job_id: str) -> JobRecord:
        """Gives a job by `service/id` or by its bare id."""
        key = self._key(job_id)
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_GET, {"id": key})).mappings().one_or_none()
        if row is None:
            raise _not_found(job_id)
        return read_record(self._service, row)

    async def list(
        self, tenant_id: UUID, *, kind: str = "", status: str = "", after: str = "", limit: int
    ) -> list[JobRecord]:
        """Lists jobs, the newest first, from behind the job `after`."""
        if "\0" in kind or "\0" in status:
            # PostgreSQL would refuse the question.
            return []
        wanted = {"kind": kind, "status": status, "after": self._key(after) if after else None, "limit": limit}
        async with self._database.tenant_session(tenant_id) as session:
            rows = (await session.execute(_LIST, wanted)).mappings().all()
        return [read_record(self._service, row) for row in rows]

    async def cancel(self, tenant_id: UUID, job_id: str, *, requested_by: str = "") -> JobRecord:
        """Ends a waiting job at once; asks a running one to stop, which it does at its next report."""
        key = self._key(job_id)
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_CANCEL, {"id": key})).mappings().one_or_none()
            if row is not None and self._audit is not None:
                resource = f"jobs/{self._service}/{key}"
                await self._audit.record(
                    session, tenant_id=tenant_id, actor=requested_by, action="cancel_job", resource=resource
                )
        if row is None:
            job = await self.get(tenant_id, job_id)
            raise Conflict("JOB_ENDED", "The job has ended already.", job_id=job.id, status=job.status)
        return read_record(self._service, row)

    async def retry(self, tenant_id: UUID, job_id: str, *, requested_by: str = "") -> JobRecord:
        """Queues a job that failed or was cancelled once more, with all its attempts before it."""
        key = self._key(job_id)
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_RETRY, {"id": key})).mappings().one_or_none()
            if row is not None:
                # Counted with itself, so one more than the limit is one too many.
                await self._keep_within_quota(session, tenant_id, besides=1)
                await session.execute(_UNQUEUE, {"queue": self._service, "id": str(key)})
                await defer(session, self._service, tenant_id, key)
                if self._audit is not None:
                    resource = f"jobs/{self._service}/{key}"
                    await self._audit.record(
                        session, tenant_id=tenant_id, actor=requested_by, action="retry_job", resource=resource
                    )
        if row is None:
            job = await self.get(tenant_id, job_id)
            raise Conflict(
                "JOB_NOT_ENDED",
                "Only a job that failed or was cancelled can be tried again.",
                job_id=job.id,
                status=job.status,
            )
        return read_record(self._service, row)

    async def wait(self, tenant_id: UUID, job_id: str, seconds: float) -> JobRecord:
        """Waits until the job has ended or the time is over; gives it as it then stands."""
        end, pause = time.monotonic() + seconds, _SHORTEST_PAUSE
        while True:
            job = await self.get(tenant_id, job_id)
            left = end - time.monotonic()
            if job.status in ENDED or left <= 0:
                return job
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _keep_within_quota(self, session: Session, tenant_id: UUID, *, besides: int = 0) -> None:
        """Raises where as many wait or run as may, `besides` left out."""

        async def unfinished() -> int:
            return int((await session.execute(_UNFINISHED, {"tenant_id": tenant_id})).scalar_one()) - besides

        most, pause = self._most_unfinished, _QUOTA_RETRY_SECONDS
        await keep_within(
            session, unfinished, tenant_id=tenant_id, quota="unfinished_jobs", limit=most, retry_after=pause
        )

    def _key(self, job_id: str) -> UUID:
        service, _, key = job_id.rpartition("/")
        try:
            if service in ("", self._service):
                return UUID(key)
        except ValueError:
            pass
        raise _not_found(job_id)


def _not_found(job_id: str) -> NotFound:
    return NotFound("JOB_NOT_FOUND", "There is no such job.", job_id=job_id[:100])
