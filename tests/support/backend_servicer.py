"""Small servicers of the real contracts that answer what a test asks for, on the real server of the runtime."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc, system_pb2, system_pb2_grpc
from atalaya.auth.v1 import audit_pb2, audit_pb2_grpc, auth_pb2, auth_pb2_grpc
from atalaya.ingest.v1 import accounts_pb2, accounts_pb2_grpc, data_pb2, data_pb2_grpc, records_pb2, records_pb2_grpc
from atalaya.jobs.v1 import job_pb2
from atalaya.policies import rpc_policies
from google.api import httpbody_pb2
from service_runtime import errors
from service_runtime.config import RuntimeSettings
from service_runtime.identity import caller
from service_runtime.rest import set_reply_header
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

ERRORS: dict[str, errors.ServiceError] = {
    "away": errors.Unavailable("LAKE_UNAVAILABLE", "The lake is away.", retry_after=3),
    "busy": errors.ResourceExhausted("TOO_MANY_ATTEMPTS", "Too many attempts.", retry_after=7),
    "exists": errors.AlreadyExists("ACCOUNT_EXISTS", "The account is there already."),
    "forbidden": errors.PermissionDenied("ACCOUNT_FORBIDDEN", "You may not see this account."),
    "late": errors.DeadlineExceeded("QUERY_TIMEOUT", "The query took too long."),
    "missing": errors.NotFound("CUSTOMER_NOT_FOUND", "There is no such customer."),
    "reversed": errors.InvalidArgument("DATE_RANGE_REVERSED", "The first day is after the last."),
    "broken": errors.Unprocessable("COLUMN_MISSING", "The file lacks a column: «año»."),
    "crash": errors.Internal("INTERNAL", "Something went wrong on our side."),
}


NO_LIMITS = {"rate_limit_per_minute": 0, "rate_limit_per_hour": 0, "rate_limit_per_day": 0}


class Auth(auth_pb2_grpc.AuthServiceServicer):
    """Gives the keys, and registers anybody."""

    def __init__(self, jwks: bytes) -> None:
        self.jwks = jwks
        # What logging in gives to those who know the password.
        self.token = ""
        # While this is clear, passwords are checked without end.
        self.checks_passwords = asyncio.Event()
        self.checks_passwords.set()

    async def GetJwks(self, request: auth_pb2.GetJwksRequest, context: Any) -> httpbody_pb2.HttpBody:
        return httpbody_pb2.HttpBody(content_type="application/json", data=self.jwks)

    async def Register(self, request: auth_pb2.RegisterRequest, context: Any) -> auth_pb2.RegisterResponse:
        if request.email.startswith("exists@"):
            raise ERRORS["exists"]
        return auth_pb2.RegisterResponse(token_type="bearer", expires_in=3600)

    async def Login(self, request: auth_pb2.LoginRequest, context: Any) -> auth_pb2.LoginResponse:
        await self.checks_passwords.wait()
        raise errors.Unauthenticated("BAD_CREDENTIALS", "The address or the password is wrong.")

    async def LoginByUsername(self, request: auth_pb2.LoginByUsernameRequest, context: Any) -> Any:
        if request.password != "known to rosa":
            raise errors.Unauthenticated("BAD_CREDENTIALS", "The name or the password is wrong.")
        return auth_pb2.LoginByUsernameResponse(access_token=self.token, token_type="bearer", expires_in=3600)


class Users(auth_pb2_grpc.UsersServiceServicer):
    """Tells who the token says calls."""

    async def GetMe(self, request: auth_pb2.GetMeRequest, context: Any) -> auth_pb2.User:
        return auth_pb2.User(id=caller().subject, username=caller().username, role=caller().role)


class Audit(audit_pb2_grpc.AuditServiceServicer):
    """Has two events: one at the beginning of the time asked for, and one at its end."""

    async def ListAuditEvents(self, request: audit_pb2.ListAuditEventsRequest, context: Any) -> Any:
        times = (request.start_time, request.end_time)
        return audit_pb2.ListAuditEventsResponse(events=[audit_pb2.AuditEvent(time=time) for time in times])


class Data(data_pb2_grpc.DataServiceServicer):
    """Counts the bytes of uploads."""

    async def ImportData(
        self, requests: AsyncIterator[data_pb2.ImportDataRequest], context: Any
    ) -> data_pb2.ImportDataResponse:
        received, kind = 0, ""
        async for part in requests:
            kind = kind or part.kind
            if part.file.content_type.startswith("application/json"):
                raise errors.UnsupportedMediaType("UNSUPPORTED_FILE_TYPE", "Send the file as text/csv.")
            received += len(part.file.data)
        return data_pb2.ImportDataResponse(
            job_id=f"ingest/{kind}", status=job_pb2.JobStatus.QUEUED, bytes_received=received
        )

    async def ListRejectedRows(self, request: data_pb2.ListRejectedRowsRequest, context: Any) -> Any:
        return data_pb2.ListRejectedRowsResponse(rows=[data_pb2.RejectedRow(line=7, reason=request.job_id)])

    async def DownloadRejectedRows(
        self, request: data_pb2.DownloadRejectedRowsRequest, context: Any
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        set_reply_header("content-disposition", 'attachment; filename="rejected.csv"')
        yield httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=b"line,reason\r\n")
        yield httpbody_pb2.HttpBody(data=f"7,{request.job_id}\r\n".encode())


class Accounts(accounts_pb2_grpc.SocialAccountsServiceServicer):
    """Takes every account."""

    async def CreateSocialAccount(self, request: accounts_pb2.CreateSocialAccountRequest, context: Any) -> Any:
        return accounts_pb2.SocialAccount(platform=request.platform, username=request.username)


class Jobs(data_pb2_grpc.JobsServiceServicer):
    """Has every job, none of which can be cancelled."""

    async def GetJob(self, request: data_pb2.GetJobRequest, context: Any) -> job_pb2.Job:
        return job_pb2.Job(job_id=request.job_id, status=job_pb2.JobStatus.RUNNING)

    async def CancelJob(self, request: data_pb2.CancelJobRequest, context: Any) -> job_pb2.Job:
        raise errors.Conflict("JOB_ENDED", "The job has ended.")


class Records(records_pb2_grpc.RecordsServiceServicer):
    """Gives back the account's name as a post, in a bare array."""

    async def ExportPublicacionesJson(
        self, request: records_pb2.ExportPublicacionesJsonRequest, context: Any
    ) -> httpbody_pb2.HttpBody:
        if request.usuario in ERRORS:
            raise ERRORS[request.usuario]
        headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        post = {"contenido": request.usuario, "likes": 2**40, "hasta": request.hasta, "headers": headers}
        return httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps([post]).encode())


class Rfm(rfm_pb2_grpc.RfmServiceServicer):
    """Raises what the customer's id names, or gives the customer."""

    async def GetCustomer(self, request: rfm_pb2.GetCustomerRequest, context: Any) -> rfm_pb2.GetCustomerResponse:
        if request.id_cuenta in ERRORS:
            raise ERRORS[request.id_cuenta]
        if request.id_cuenta == "slow":
            await asyncio.sleep(5)
        return rfm_pb2.GetCustomerResponse(id_cuenta=request.id_cuenta)


class System(system_pb2_grpc.SystemServiceServicer):
    """Says OK."""

    async def GetHealth(self, request: system_pb2.GetHealthRequest, context: Any) -> system_pb2.GetHealthResponse:
        return system_pb2.GetHealthResponse(status="OK")


def build_backend(
    address: str, jwks: bytes, *, limits_of_environment: bool = False, **settings: Any
) -> tuple[Server, Auth]:
    """Gives a server with all of these, and the servicer whose keys a test may change."""
    auth = Auth(jwks)  # type: ignore[abstract]

    async def fetch_jwks() -> bytes:
        return auth.jwks

    server = Server(
        RuntimeSettings(
            listen_address=address, drain_seconds=0, **({} if limits_of_environment else NO_LIMITS) | settings
        ),
        policies=rpc_policies(),
        verifier=TokenVerifier(fetch_jwks, "atalaya", "atalaya"),
        name="backend",
    )
    server.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, auth)
    server.add(auth_pb2_grpc.add_UsersServiceServicer_to_server, Users())  # type: ignore[abstract]
    server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, Audit())
    server.add(data_pb2_grpc.add_DataServiceServicer_to_server, Data())  # type: ignore[abstract]
    server.add(data_pb2_grpc.add_JobsServiceServicer_to_server, Jobs())  # type: ignore[abstract]
    server.add(accounts_pb2_grpc.add_SocialAccountsServiceServicer_to_server, Accounts())  # type: ignore[abstract]
    server.add(records_pb2_grpc.add_RecordsServiceServicer_to_server, Records())  # type: ignore[abstract]
    server.add(rfm_pb2_grpc.add_RfmServiceServicer_to_server, Rfm())  # type: ignore[abstract]
    server.add(system_pb2_grpc.add_SystemServiceServicer_to_server, System())  # type: ignore[abstract]
    return server, auth


def open_channel(port: int) -> grpc.aio.Channel:
    """Opens a plain gRPC channel to the gateway."""
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}")
