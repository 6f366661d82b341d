"""The rpcs of JobsService: RFM tables that are brought up to date, as jobs."""

from typing import Any

from atalaya.analytics.v1 import jobs_pb2
from atalaya.analytics.v1.jobs_pb2_grpc import JobsServiceServicer
from service_parts.own_jobs_servicer import OwnJobsServicer


class JobsServicer(OwnJobsServicer, JobsServiceServicer):
    """Tells of jobs, stops them and tries them again."""

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Any) -> jobs_pb2.ListJobsResponse:
        jobs = await self.own_jobs(request.kind, request.status, request.after, request.limit)
        return jobs_pb2.ListJobsResponse(jobs=jobs)
