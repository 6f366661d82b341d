"""Where the contract's messages about people meet auth's own types."""

from typing import cast

from atalaya.auth.v1 import auth_pb2, people_pb2, profile_pb2, tenants_pb2
from atalaya.jobs.v1 import job_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from service_runtime.jobs import JobRecord

from auth_service import convert
from auth_service.accounts import Invitation, Role, Tenant, User, UserSettings
from auth_service.members import AccessChange, Member


def from_member(member: Member) -> auth_pb2.User:
    if isinstance(member.person, User):
        return convert.from_user(member.person, member.tenant)
    return _from_invitation(member.person, member.tenant, "invited" if member.is_open else "inactive")


def _from_invitation(invitation: Invitation, tenant: Tenant, status: str) -> auth_pb2.User:
    message = auth_pb2.User(
        id=str(invitation.invitation_id),
        email=invitation.email,
        role=invitation.role,
        tenant_id=str(tenant.tenant_id),
        tenant_name=tenant.name,
        status=status,
    )
    message.created_at.FromDatetime(invitation.created_at)
    return convert.with_documented_names(message)


def to_access_change(request: people_pb2.UpdateUserRequest) -> AccessChange:
    return AccessChange(
        role=cast(Role, request.role) if request.HasField("role") else None,
        is_active=request.is_active if request.HasField("is_active") else None,
    )


def from_settings(settings: UserSettings) -> profile_pb2.UserSettings:
    return profile_pb2.UserSettings(**vars(settings))


def from_tenant(tenant: Tenant, active_people: int) -> tenants_pb2.Tenant:
    message = tenants_pb2.Tenant(
        id=str(tenant.tenant_id),
        name=tenant.name,
        is_active=tenant.is_active,
        timezone=tenant.timezone,
        users=active_people,
    )
    message.created_at.FromDatetime(tenant.created_at)
    return message


def from_job(job: JobRecord) -> job_pb2.Job:
    message = job_pb2.Job(
        job_id=job.id,
        kind=job.kind,
        status=job_pb2.JobStatus.Value(job.status),
        progress=job.progress,
        error=job.error,
        code=job.code,
        details=job.details,
        attempt=job.attempt,
    )
    for name in ("created_at", "started_at", "finished_at"):
        at = getattr(job, name)
        if at is not None:
            time: Timestamp = getattr(message, name)
            time.FromDatetime(at)
    return message
