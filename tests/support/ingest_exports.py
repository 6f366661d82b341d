"""Exports as tests ask for them: queue, wait, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atalaya.ingest.v1 import exports_pb2, exports_pb2_grpc
from atalaya.jobs.v1 import job_pb2

from support.ingest_running import Tenant

if TYPE_CHECKING:
    from atalaya.ingest.v1.exports_pb2_grpc import ExportsServiceAsyncStub

Caller = tuple[tuple[str, str], ...]


def exports_of(tenant: Tenant) -> ExportsServiceAsyncStub:
    return exports_pb2_grpc.ExportsServiceStub(tenant.suite.channel)


async def create_export(tenant: Tenant, caller: Caller = (), **parameters: Any) -> str:
    """Asks for an export as a viewer and gives the job's id."""
    request = exports_pb2.CreateExportRequest(**parameters)
    reply = await exports_of(tenant).CreateExport(request, metadata=caller or tenant.bearer("viewer"))
    assert reply.status == job_pb2.JobStatus.QUEUED
    return reply.job_id


async def export(tenant: Tenant, caller: Caller = (), **parameters: Any) -> job_pb2.Job:
    """Asks for an export and waits for its end."""
    return await tenant.ended(await create_export(tenant, caller, **parameters))


async def download(tenant: Tenant, job_id: str, wanted: str = "", caller: Caller = ()) -> bytes:
    """Takes the file, or a range of it."""
    request = exports_pb2.DownloadExportRequest(job_id=job_id, range=wanted)
    call = exports_of(tenant).DownloadExport(request, metadata=caller or tenant.bearer("viewer"))
    return b"".join([part.data async for part in call])


async def exported(tenant: Tenant, caller: Caller = (), **parameters: Any) -> bytes:
    """Gives the file of an export."""
    job = await export(tenant, caller, **parameters)
    assert job.status == job_pb2.JobStatus.SUCCEEDED, job
    return await download(tenant, job.job_id, caller=caller)
