"""The rpc of JobsService: what became of a job of auth."""

from typing import Any

from atalaya.auth.v1 import tenants_pb2
from atalaya.auth.v1.tenants_pb2_grpc import JobsServiceServicer
from atalaya.jobs.v1 import job_pb2
from grpc.aio import ServicerContext
from service_parts.job_messages import from_job
from service_runtime.identity import caller
from service_runtime.jobs import JobQueue


class JobsServicer(JobsServiceServicer):
    """Auth's jobs of the caller's tenant."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def GetJob(self, request: tenants_pb2.GetJobRequest, context: ServicerContext[Any, Any]) -> job_pb2.Job:
        return from_job(await self._queue.get(caller().tenant_id, request.job_id))
