"""The rpcs of JobsService: trainings as jobs."""

from __future__ import annotations

from typing import Any, TypeAlias

from atalaya.jobs.v1.job_pb2 import Job
from atalaya.ml.v1 import jobs_pb2
from atalaya.ml.v1.jobs_pb2_grpc import JobsServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.jobs import JobQueue

from ml_service import convert

Context: TypeAlias = ServicerContext[Any, Any]


class JobsServicer(JobsServiceServicer):
    """Tells of trainings, stops them and tries them again."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    async def GetJob(self, request: jobs_pb2.GetJobRequest, context: Context) -> Job:
        return convert.from_job(await self._jobs.get(caller().tenant_id, request.job_id))

    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Context) -> Job:
        identity = caller()
        job = await self._jobs.cancel(identity.tenant_id, request.job_id, requested_by=identity.subject)
        return convert.from_job(job)

    async def RetryJob(self, request: jobs_pb2.RetryJobRequest, context: Context) -> Job:
        identity = caller()
        job = await self._jobs.retry(identity.tenant_id, request.job_id, requested_by=identity.subject)
        return convert.from_job(job)

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Context) -> jobs_pb2.ListJobsResponse:
        jobs = await self._jobs.list(
            caller().tenant_id, kind=request.kind, status=request.status, after=request.after, limit=request.limit
        )
        return convert.from_jobs(jobs)
