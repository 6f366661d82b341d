"""The ingest service as tests use it: its stubs for one tenant, its database and its lake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import grpc
from atalaya.analytics.v1 import jobs_pb2 as analytics_jobs_pb2
from atalaya.analytics.v1 import jobs_pb2_grpc as analytics_jobs_pb2_grpc
from atalaya.ingest.v1 import (
    access_pb2,
    access_pb2_grpc,
    accounts_pb2,
    accounts_pb2_grpc,
    comments_pb2_grpc,
    data_pb2,
    data_pb2_grpc,
    records_pb2,
    records_pb2_grpc,
    status_pb2_grpc,
)
from atalaya.jobs.v1 import job_pb2
from atalaya.ml.v1 import jobs_pb2 as ml_jobs_pb2
from atalaya.ml.v1 import jobs_pb2_grpc as ml_jobs_pb2_grpc
from deltalake import DeltaTable
from google.api.httpbody_pb2 import HttpBody
from psycopg.rows import dict_row
from service_runtime.database import Database
from service_runtime.jobs import JobQueue

from support import postgres
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from atalaya.ingest.v1.access_pb2_grpc import AccountAccessServiceAsyncStub
    from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceAsyncStub
    from atalaya.ingest.v1.comments_pb2_grpc import CommentsServiceAsyncStub
    from atalaya.ingest.v1.data_pb2_grpc import DataServiceAsyncStub, JobsServiceAsyncStub
    from atalaya.ingest.v1.records_pb2_grpc import RecordsServiceAsyncStub
    from atalaya.ingest.v1.status_pb2_grpc import DataStatusServiceAsyncStub

_PIECE = 1 << 20


@dataclass
class IngestSuite:
    """What runs for all tests: the service, its database, the lake's folder."""

    channel: grpc.aio.Channel
    issuer: TestIssuer
    service_database: postgres.ServiceDatabase
    database: Database
    lake_folder: Path


@dataclass
class Tenant:
    """A company of its own, with calls of one of its users."""

    suite: IngestSuite
    timezone: str = "America/Mexico_City"
    tenant_id: UUID = field(default_factory=uuid4)

    def bearer(self, role: str = "user", person: UUID | str = "") -> tuple[tuple[str, str], ...]:
        """Gives a caller's metadata: somebody new, or the person of that id."""
        return self.suite.issuer.bearer(self.tenant_id, role, tz=self.timezone, sub=str(person or uuid4()))

    def program(self, role: str, key: UUID | str = "") -> tuple[tuple[str, str], ...]:
        """Gives the metadata of a call with an API key."""
        claims = {"kind": "program", "tz": self.timezone, "sub": str(key or uuid4())}
        return self.suite.issuer.bearer(self.tenant_id, role, **claims)

    @property
    def accounts(self) -> SocialAccountsServiceAsyncStub:
        return accounts_pb2_grpc.SocialAccountsServiceStub(self.suite.channel)

    @property
    def access(self) -> AccountAccessServiceAsyncStub:
        return access_pb2_grpc.AccountAccessServiceStub(self.suite.channel)

    @property
    def data(self) -> DataServiceAsyncStub:
        return data_pb2_grpc.DataServiceStub(self.suite.channel)

    @property
    def jobs(self) -> JobsServiceAsyncStub:
        return data_pb2_grpc.JobsServiceStub(self.suite.channel)

    @property
    def records(self) -> RecordsServiceAsyncStub:
        return records_pb2_grpc.RecordsServiceStub(self.suite.channel)

    @property
    def comments(self) -> CommentsServiceAsyncStub:
        return comments_pb2_grpc.CommentsServiceStub(self.suite.channel)

    @property
    def status(self) -> DataStatusServiceAsyncStub:
        return status_pb2_grpc.DataStatusServiceStub(self.suite.channel)

    @property
    def queue(self) -> JobQueue:
        return JobQueue(self.suite.database, "ingest")

    async def add_account(self, username: str = "banco") -> accounts_pb2.SocialAccount:
        request = accounts_pb2.CreateSocialAccountRequest(platform="csv", username=username)
        return await self.accounts.CreateSocialAccount(request, metadata=self.bearer())

    async def account_list(self) -> dict[str, str]:
        """Gives the ids of the accounts by name."""
        page = await self.accounts.ListSocialAccounts(
            accounts_pb2.ListSocialAccountsRequest(), metadata=self.bearer("viewer")
        )
        return {account.username: account.id for account in page.social_accounts}

    async def delete_account(self, account_id: str) -> None:
        request = accounts_pb2.DeleteSocialAccountRequest(id=account_id)
        await self.accounts.DeleteSocialAccount(request, metadata=self.bearer())

    async def set_access(
        self, username: str, roles: Iterable[str] = (), users: Iterable[UUID | str] = ()
    ) -> access_pb2.AccountAccess:
        request = access_pb2.SetAccountAccessRequest(
            cuenta=username, roles=list(roles), users=[str(user) for user in users]
        )
        return await self.access.SetAccountAccess(request, metadata=self.bearer("admin"))

    async def visible(self, caller: tuple[tuple[str, str], ...]) -> list[str]:
        reply = await self.accounts.ListVisibleAccounts(accounts_pb2.ListVisibleAccountsRequest(), metadata=caller)
        return list(reply.usernames)

    async def upload(self, content: bytes | str, content_type: str = "text/csv", **parameters: Any) -> str:
        """Sends a file and gives the job's id."""
        data = content.encode() if isinstance(content, str) else content
        reply = await self.data.ImportData(messages(data, content_type, parameters), metadata=self.bearer())
        assert reply.bytes_received == len(data) or content_type.lower().startswith("multipart/")
        return reply.job_id

    async def run(self, content: bytes | str, content_type: str = "text/csv", **parameters: Any) -> job_pb2.Job:
        """Imports a file and waits for the end; the sum of the counts must hold."""
        job_id = await self.upload(content, content_type, **parameters)
        job = await self.ended(job_id)
        assert job.rows_read == job.rows_written + job.rows_unchanged + job.rows_rejected
        return job

    async def ended(self, job_id: str, seconds: float = 180) -> job_pb2.Job:
        # More often than `queue.wait` asks: what many short jobs wait for it adds up.
        async with asyncio.timeout(seconds):
            while not (await self.queue.get(self.tenant_id, job_id)).ended:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        job = await self.jobs.GetJob(data_pb2.GetJobRequest(job_id=job_id), metadata=self.bearer("viewer"))
        assert job.status in (job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED, job_pb2.JobStatus.CANCELLED), job
        return job

    async def rejected(self, job_id: str) -> list[data_pb2.RejectedRow]:
        request = data_pb2.ListRejectedRowsRequest(job_id=job_id, page_size=1000)
        return list((await self.data.ListRejectedRows(request, metadata=self.bearer("viewer"))).rows)

    async def posts(self, account: str = "banco") -> list[records_pb2.Publicacion]:
        """Gives all posts of an account, through as many pages as it takes."""
        found: list[records_pb2.Publicacion] = []
        while True:
            request = records_pb2.ListPublicacionesRequest(usuario=account, limit=1000, offset=len(found))
            page = await self.records.ListPublicaciones(request, metadata=self.bearer("viewer"))
            found += page.publicaciones
            if len(found) >= page.total or not page.publicaciones:
                return found

    async def posts_json(self, account: str = "banco") -> list[dict[str, Any]]:
        request = records_pb2.ExportPublicacionesJsonRequest(usuario=account)
        body = await self.records.ExportPublicacionesJson(request, metadata=self.bearer("viewer"))
        rows: list[dict[str, Any]] = json.loads(body.data)
        return rows

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Asks the database as its superuser; `{tenant}` stands for the tenant's id."""
        with postgres.server().connect(self.suite.service_database.name) as connection:
            text = statement.replace("{tenant}", f"'{self.tenant_id}'")
            return connection.cursor(row_factory=dict_row).execute(text.encode()).fetchall()

    def set_job(self, job_id: str, what: str) -> None:
        """Changes a job behind the service's back, as the superuser."""
        statement = f"UPDATE jobs SET {what} WHERE id = %s"  # noqa: S608
        with postgres.server().connect(self.suite.service_database.name) as connection:
            connection.execute(statement.encode(), [job_id.rpartition("/")[2]])

    def set_ended_jobs(self, what: str) -> None:
        """Does so with all of the tenant's jobs that have ended."""
        statement = f"UPDATE jobs SET {what} WHERE tenant_id = %s AND finished_at IS NOT NULL"  # noqa: S608
        with postgres.server().connect(self.suite.service_database.name) as connection:
            connection.execute(statement.encode(), [self.tenant_id])

    def set_partitions(self, what: str, *, month: str = "") -> None:
        """Changes what is known of the lake's partitions behind the service's back, of one month or of all."""
        statement = f"UPDATE lake_partitions SET {what} WHERE tenant_id = %s AND (%s = '' OR mes = %s)"  # noqa: S608
        with postgres.server().connect(self.suite.service_database.name) as connection:
            connection.execute(statement.encode(), [self.tenant_id, month, month])

    @property
    def lake(self) -> Path:
        return self.suite.lake_folder / f"tenant={self.tenant_id}"

    def lake_rows(self, table: str) -> list[dict[str, Any]]:
        """Gives all rows of a Delta table of the tenant's lake."""
        rows: list[dict[str, Any]] = DeltaTable(str(self.lake / table)).to_pyarrow_table().to_pylist()
        return rows

    def lake_version(self, table: str) -> int:
        return int(DeltaTable(str(self.lake / table)).version())


def messages(data: bytes, content_type: str, parameters: dict[str, Any]) -> Iterator[data_pb2.ImportDataRequest]:
    """Gives the messages of an upload: the parameters with the first, the bytes in pieces."""
    first = HttpBody(content_type=content_type, data=data[:_PIECE])
    yield data_pb2.ImportDataRequest(file=first, **parameters)
    for start in range(_PIECE, len(data), _PIECE):
        yield data_pb2.ImportDataRequest(file=HttpBody(data=data[start : start + _PIECE]))


class OtherJobs:
    """Stands for another service's jobs: gives those of the caller's token that a test has put there."""

    reply: Any

    def __init__(self) -> None:
        self.jobs: dict[str, list[job_pb2.Job]] = {}
        self.tokens: list[str] = []

    async def ListJobs(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        token = dict(context.invocation_metadata()).get("authorization", "")
        self.tokens.append(token)
        jobs = [job for job in self.jobs.get(token, []) if not request.after or _key(job) < request.after]
        return self.reply(jobs=sorted(jobs, key=_key, reverse=True)[: request.limit])


class MlJobs(OtherJobs, ml_jobs_pb2_grpc.JobsServiceServicer):
    """Those of ml."""

    reply = ml_jobs_pb2.ListJobsResponse


class AnalyticsJobs(OtherJobs, analytics_jobs_pb2_grpc.JobsServiceServicer):
    """Those of analytics."""

    reply = analytics_jobs_pb2.ListJobsResponse


def _key(job: job_pb2.Job) -> str:
    return job.job_id.rpartition("/")[2]
