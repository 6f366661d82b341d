"""Where the contract's messages about the end of tenants meet auth's own types."""

from atalaya.auth.v1 import tenants_pb2
from atalaya.jobs.v1 import job_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from auth_service.erasures import Erasure

_MOST = 2**31 - 1


def from_erasure(erasure: Erasure) -> tenants_pb2.Erasure:
    message = tenants_pb2.Erasure(
        job_id=job_id(erasure),
        status=job_pb2.JobStatus.Value(erasure.status),
        requested_at=Timestamp(),
        rows=min(erasure.erased_rows, _MOST),
        objects=min(erasure.erased_objects, _MOST),
    )
    message.requested_at.FromDatetime(erasure.requested_at)
    if erasure.finished_at is not None:
        message.finished_at.FromDatetime(erasure.finished_at)
    return message


def from_requested(erasure: Erasure) -> tenants_pb2.DeleteTenantResponse:
    return tenants_pb2.DeleteTenantResponse(job_id=job_id(erasure), status=job_pb2.JobStatus.Value(erasure.status))


def job_id(erasure: Erasure) -> str:
    return f"auth/{erasure.erasure_id}"
