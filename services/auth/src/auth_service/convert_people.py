"""Where the contract's messages about people meet auth's own types."""

from typing import cast

from atalaya.auth.v1 import auth_pb2, people_pb2, profile_pb2, tenants_pb2

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
