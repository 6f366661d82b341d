"""How an attempt at a job begins and ends in the table `jobs`."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service_runtime.database import Database
from service_runtime.jobs.defer import defer
from service_runtime.storable import storable

MOST_ATTEMPTS = 5
# Pause before the second, third … attempt after an error.
PAUSES = (1, 5, 15, 30)

_BEGIN = text(
    "UPDATE jobs SET attempt = attempt + 1, started_at = COALESCE(started_at, now()), "
    "status = CASE WHEN cancel_requested THEN 'CANCELLED' WHEN attempt - releases >= :most THEN 'FAILED' "
    "ELSE 'RUNNING' END, "
    "finished_at = CASE WHEN cancel_requested OR attempt - releases >= :most THEN now() END, "
    "code = CASE WHEN attempt - releases >= :most AND NOT cancel_requested THEN 'TOO_MANY_ATTEMPTS' ELSE '' END, "
    "error = CASE WHEN attempt - releases >= :most AND NOT cancel_requested "
    "THEN 'The job was begun ' || attempt || ' times and never came to an end.' ELSE '' END "
    "WHERE id = :id AND status IN ('QUEUED', 'RUNNING') "
    "RETURNING kind, status, attempt, attempt - releases AS counted, payload"
)
_END = text(
    "UPDATE jobs SET status = :status, finished_at = now(), error = :error, code = :code, "
    "progress = CASE WHEN :status = 'SUCCEEDED' THEN 1 ELSE progress END "
    "WHERE id = :id AND attempt = :attempt AND status = 'RUNNING'"
)
_REQUEUE = text(
    "UPDATE jobs SET status = CASE WHEN cancel_requested THEN 'CANCELLED' ELSE 'QUEUED' END, "
    "finished_at = CASE WHEN cancel_requested THEN now() END, releases = releases + :released "
    "WHERE id = :id AND attempt = :attempt AND status = 'RUNNING' RETURNING status"
)


@dataclass(frozen=True)
class Attempt:
    """An attempt that has begun; `counted` leaves out those that ended because a worker was stopped."""

    tenant_id: UUID
    job_id: UUID
    kind: str
    attempt: int
    counted: int
    payload: dict[str, Any]

    @property
    def is_last(self) -> bool:
        return self.counted >= MOST_ATTEMPTS


class Attempts:
    """Begins and ends attempts; an end by an attempt that is no longer the newest changes nothing."""

    def __init__(self, database: Database, service: str) -> None:
        self._database = database
        self._service = service

    async def begin(self, tenant_id: UUID, job_id: UUID) -> Attempt | None:
        """Takes the job; None where it has ended or ends now, cancelled or given up."""
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_BEGIN, {"id": job_id, "most": MOST_ATTEMPTS})).mappings().one_or_none()
        if row is None or row["status"] != "RUNNING":
            return None
        return Attempt(tenant_id, job_id, row["kind"], row["attempt"], row["counted"], row["payload"])

    async def end(self, attempt: Attempt, status: str, *, code: str = "", error: str = "") -> None:
        """Ends the job; one that `JobRun.finish` has ended stays as it is."""
        values = {
            "status": status,
            "code": code,
            "error": storable(error),
            "id": attempt.job_id,
            "attempt": attempt.attempt,
        }
        async with self._database.tenant_session(attempt.tenant_id) as session:
            await session.execute(_END, values)

    async def requeue(self, attempt: Attempt, *, released: bool = False) -> None:
        """Queues the job again: after a pause where it failed, at once where its worker stops."""
        seconds = 0 if released else PAUSES[min(attempt.counted, len(PAUSES)) - 1]
        values = {"released": int(released), "id": attempt.job_id, "attempt": attempt.attempt}
        async with self._database.tenant_session(attempt.tenant_id) as session:
            status = (await session.execute(_REQUEUE, values)).scalar_one_or_none()
            if status == "QUEUED":
                await defer(session, self._service, attempt.tenant_id, attempt.job_id, seconds=seconds)
