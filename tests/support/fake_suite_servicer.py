"""Just enough of auth and ingest to try a client against."""

from typing import Any

from atalaya.auth.v1 import auth_pb2, auth_pb2_grpc
from atalaya.ingest.v1 import data_pb2, data_pb2_grpc
from atalaya.jobs.v1.job_pb2 import RUNNING, SUCCEEDED, Job
from service_runtime.errors import NotFound, ServiceError, Unauthenticated
from service_runtime.identity import caller


class FakeAuth(auth_pb2_grpc.AuthServiceServicer):
    """Takes one password and gives one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def LoginByUsername(self, request: Any, context: Any) -> Any:
        if request.password != "right password":
            raise Unauthenticated("BAD_CREDENTIALS", "Name or password is wrong.")
        return auth_pb2.LoginByUsernameResponse(access_token=self._token, token_type="bearer", expires_in=3600)


class FakeIngest(data_pb2_grpc.DataServiceServicer, data_pb2_grpc.JobsServiceServicer):
    """Keeps what arrives; its job ends at the third look with `last_status`."""

    def __init__(self) -> None:
        self.received = b""
        self.messages = 0
        self.first = data_pb2.ImportDataRequest()
        self.asked = 0
        self.last_status = SUCCEEDED
        # Raised from the second look on, so many times, where one is given.
        self.refusal: ServiceError | None = None
        self.refusals = 1

    async def ImportData(self, requests: Any, context: Any) -> Any:
        caller()
        async for request in requests:
            if not self.messages:
                self.first.CopyFrom(request)
            self.messages += 1
            self.received += request.file.data
        return data_pb2.ImportDataResponse(job_id="ingest/1")

    async def GetJob(self, request: Any, context: Any) -> Any:
        if request.job_id != "ingest/1":
            raise NotFound("JOB_NOT_FOUND", "There is no such job.")
        self.asked += 1
        if 2 <= self.asked < 2 + self.refusals and self.refusal is not None:
            raise self.refusal
        status = RUNNING if self.asked < 3 else self.last_status
        return Job(job_id="ingest/1", kind="import", status=status, progress=0.5, rows_read=7)

    async def ListJobs(self, request: Any, context: Any) -> Any:
        return data_pb2.ListJobsResponse(jobs=[Job(job_id="ingest/1", kind="import", status=SUCCEEDED)])
