"""The rpcs that the JobsService of every service with jobs has alike."""

from collections.abc import Callable
from typing import Any, Protocol

from atalaya.jobs.v1.job_pb2 import Job
from service_runtime.identity import caller
from service_runtime.jobs import JobQueue, JobRecord

from service_parts.job_messages import from_job


class _OfOneJob(Protocol):
    job_id: str


class OwnJobsServicer:
    """Tells of a service's own jobs, stops them and tries them again; the service adds the list of its contract."""

    def __init__(self, queue: JobQueue, message: Callable[[JobRecord], Job] = from_job) -> None:
        self._queue = queue
        self._message = message

    async def GetJob(self, request: _OfOneJob, context: Any) -> Job:
        return self._message(await self._queue.get(caller().tenant_id, request.job_id))

    async def CancelJob(self, request: _OfOneJob, context: Any) -> Job:
        identity = caller()
        return self._message(
            await self._queue.cancel(identity.tenant_id, request.job_id, requested_by=identity.subject)
        )

    async def RetryJob(self, request: _OfOneJob, context: Any) -> Job:
        identity = caller()
        return self._message(await self._queue.retry(identity.tenant_id, request.job_id, requested_by=identity.subject))

    async def own_jobs(self, kind: str, status: str, after: str, limit: int) -> list[Job]:
        """Gives the newest jobs before `after`; kind and status are of all jobs where they are empty."""
        jobs = await self._queue.list(caller().tenant_id, kind=kind, status=status, after=after, limit=limit)
        return [self._message(job) for job in jobs]
