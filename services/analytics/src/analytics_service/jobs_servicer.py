"""The rpcs of JobsService: RFM tables that are brought up to date, as jobs."""

from typing import Any

from atalaya.analytics.v1 import jobs_pb2
from atalaya.analytics.v1.jobs_pb2_grpc import JobsServiceServicer
from atalaya.jobs.v1.job_pb2 import Job
from service_runtime.identity import caller
from service_runtime.jobs import JobQueue

from analytics_service import jobs_convert


class JobsServicer(JobsServiceServicer):
    """Tells of jobs, stops them and tries them again."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    async def GetJob(self, request: jobs_pb2.GetJobRequest, context: Any) -> Job:
        return jobs_convert.job(await self._jobs.get(caller().tenant_id, request.job_id))

    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Any) -> Job:
        identity = caller()
        job = await self._jobs.cancel(identity.tenant_id, request.job_id, requested_by=identity.subject)
        return jobs_convert.job(job)

    async def RetryJob(self, request: jobs_pb2.RetryJobRequest, context: Any) -> Job:
        identity = caller()
        job = await self._jobs.retry(identity.tenant_id, request.job_id, requested_by=identity.subject)
        return jobs_convert.job(job)

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Any) -> jobs_pb2.ListJobsResponse:
        jobs = await self._jobs.list(
            caller().tenant_id, kind=request.kind, status=request.status, after=request.after, limit=request.limit
        )
        return jobs_pb2.ListJobsResponse(jobs=[jobs_convert.job(job) for job in jobs])
