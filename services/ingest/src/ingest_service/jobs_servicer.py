"""The rpcs of JobsService."""

from typing import TYPE_CHECKING, Any

from atalaya.analytics.v1 import jobs_pb2 as analytics_jobs_pb2
from atalaya.ingest.v1 import data_pb2
from atalaya.ingest.v1.data_pb2_grpc import JobsServiceServicer
from atalaya.jobs.v1 import job_pb2
from atalaya.ml.v1 import jobs_pb2 as ml_jobs_pb2
from grpc.aio import ServicerContext
from service_parts.own_jobs_servicer import OwnJobsServicer
from service_runtime.identity import caller
from service_runtime.jobs import JobQueue
from service_runtime.paging import PageTokens, id_position, page_size

from ingest_service import convert
from ingest_service.job_lists import newest

if TYPE_CHECKING:
    from atalaya.analytics.v1.jobs_pb2_grpc import JobsServiceAsyncStub as AnalyticsJobsStub
    from atalaya.ml.v1.jobs_pb2_grpc import JobsServiceAsyncStub as MlJobsStub


class JobsServicer(OwnJobsServicer, JobsServiceServicer):
    """Ingest's own jobs, and the list of all services' jobs."""

    def __init__(
        self, queue: JobQueue, ml_jobs: "MlJobsStub", analytics_jobs: "AnalyticsJobsStub", pages: PageTokens
    ) -> None:
        super().__init__(queue, convert.from_job)
        self._ml_jobs = ml_jobs
        self._analytics_jobs = analytics_jobs
        self._pages = pages

    async def ListJobs(
        self, request: data_pb2.ListJobsRequest, context: ServicerContext[Any, Any]
    ) -> data_pb2.ListJobsResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        query = {"jobs": "all", "kind": request.kind, "status": request.status}
        after = self._pages.decode(request.page_token, tenant_id, query, id_position)
        jobs, last = await newest(
            [self.own_jobs, self._of_ml, self._of_analytics],
            lambda job: job.job_id,
            request.kind,
            request.status,
            str(after or ""),
            size,
        )
        token = self._pages.encode(tenant_id, query, last) if last else ""
        return data_pb2.ListJobsResponse(jobs=jobs, next_page_token=token)

    async def _of_ml(self, kind: str, status: str, after: str, limit: int) -> list[job_pb2.Job]:
        request = ml_jobs_pb2.ListJobsRequest(kind=kind, status=status, after=after, limit=limit)
        return list((await self._ml_jobs.ListJobs(request)).jobs)

    async def _of_analytics(self, kind: str, status: str, after: str, limit: int) -> list[job_pb2.Job]:
        request = analytics_jobs_pb2.ListJobsRequest(kind=kind, status=status, after=after, limit=limit)
        return list((await self._analytics_jobs.ListJobs(request)).jobs)
