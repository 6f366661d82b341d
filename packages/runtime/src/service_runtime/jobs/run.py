"""One attempt at a job, as its handler sees it. Every write is fenced: an attempt that was given up writes nothing."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service_runtime.database import Database, Session
from service_runtime.storable import storable_map

_REPORT = text(
    "UPDATE jobs SET progress = COALESCE(:progress, progress), rows_read = COALESCE(:rows_read, rows_read), "
    "rows_written = COALESCE(:rows_written, rows_written), "
    "rows_unchanged = COALESCE(:rows_unchanged, rows_unchanged), "
    "rows_rejected = COALESCE(:rows_rejected, rows_rejected), details = details || CAST(:details AS jsonb) "
    "WHERE id = :id AND attempt = :attempt AND status = 'RUNNING' RETURNING cancel_requested"
)
_FINISH = text(
    "UPDATE jobs SET status = 'SUCCEEDED', finished_at = now(), error = '', code = '', "
    "progress = COALESCE(:progress, 1), rows_read = COALESCE(:rows_read, rows_read), "
    "rows_written = COALESCE(:rows_written, rows_written), "
    "rows_unchanged = COALESCE(:rows_unchanged, rows_unchanged), "
    "rows_rejected = COALESCE(:rows_rejected, rows_rejected), "
    "details = details || CAST(:details AS jsonb), result = CAST(:result AS jsonb) "
    "WHERE id = :id AND attempt = :attempt AND status = 'RUNNING' RETURNING id"
)


class JobCancelled(Exception):
    """The job was asked to stop; its handler lets this pass."""


class StaleAttempt(Exception):
    """Another worker has taken the job since; this attempt must write nothing more."""


class JobRun:
    """What a handler has: whose job, which attempt, its payload, and ways to report and to finish."""

    def __init__(
        self, database: Database, tenant_id: UUID, job_id: str, attempt: int, payload: Mapping[str, Any]
    ) -> None:
        self._database = database
        self.tenant_id = tenant_id
        # `service/id`, as callers see it.
        self.job_id = job_id
        # Counts from 1 and grows with each worker that begins the job.
        self.attempt = attempt
        self.payload = dict(payload)

    async def report(
        self,
        *,
        progress: float | None = None,
        rows_read: int | None = None,
        rows_written: int | None = None,
        rows_unchanged: int | None = None,
        rows_rejected: int | None = None,
        details: Mapping[str, str] | None = None,
        session: Session | None = None,
    ) -> None:
        """Tells how far the job is; raises JobCancelled or StaleAttempt where it is to stop.

        Inside the caller's `session` it fences what that transaction has written; then nothing else may report until
        the transaction ends.
        """
        values = {
            "progress": progress,
            "rows_read": rows_read,
            "rows_written": rows_written,
            "rows_unchanged": rows_unchanged,
            "rows_rejected": rows_rejected,
            "details": json.dumps(storable_map(details or {})),
        }
        if session is not None:
            cancel_requested = (await session.execute(_REPORT, {**values, **self._fence})).scalar_one_or_none()
        else:
            # What is told again soon need not be on the disk before the work goes on.
            async with self._database.tenant_session(self.tenant_id, waits_for_disk=details is not None) as own:
                cancel_requested = (await own.execute(_REPORT, {**values, **self._fence})).scalar_one_or_none()
        if cancel_requested is None:
            raise StaleAttempt(self.job_id)
        if cancel_requested:
            raise JobCancelled(self.job_id)

    async def finish(
        self,
        session: Session,
        *,
        result: Mapping[str, Any] | None = None,
        rows_read: int | None = None,
        rows_written: int | None = None,
        rows_unchanged: int | None = None,
        rows_rejected: int | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Marks the job SUCCEEDED in the caller's transaction, so that effect and mark are there together or not."""
        values = {
            "progress": None,
            "rows_read": rows_read,
            "rows_written": rows_written,
            "rows_unchanged": rows_unchanged,
            "rows_rejected": rows_rejected,
            "details": json.dumps(storable_map(details or {})),
            "result": json.dumps(dict(result or {})),
        }
        if (await session.execute(_FINISH, {**values, **self._fence})).scalar_one_or_none() is None:
            raise StaleAttempt(self.job_id)

    @property
    def _fence(self) -> dict[str, object]:
        return {"id": UUID(self.job_id.rpartition("/")[2]), "attempt": self.attempt}
