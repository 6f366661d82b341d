"""Where the contract's messages and auth's own types meet."""

from atalaya.auth.v1 import auth_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from auth_service.accounts import SeenSession, Tenant, User
from auth_service.registration import NewPerson, Registered
from auth_service.sessions import IssuedTokens

TOKEN_TYPE = "bearer"  # noqa: S105


def to_new_person(request: auth_pb2.RegisterRequest) -> NewPerson:
    return NewPerson(
        email=request.email,
        password=request.password,
        full_name=request.full_name,
        tenant_name=request.tenant_name if request.HasField("tenant_name") else None,
        invitation_token=request.invitation_token if request.HasField("invitation_token") else None,
    )


def from_registered(registered: Registered) -> auth_pb2.RegisterResponse:
    user = from_user(registered.user, registered.tenant)
    return auth_pb2.RegisterResponse(**vars(registered.tokens), token_type=TOKEN_TYPE, user=user)


def from_login(tokens: IssuedTokens) -> auth_pb2.LoginResponse:
    return auth_pb2.LoginResponse(**vars(tokens), token_type=TOKEN_TYPE)


def from_login_by_username(tokens: IssuedTokens) -> auth_pb2.LoginByUsernameResponse:
    return auth_pb2.LoginByUsernameResponse(**vars(tokens), token_type=TOKEN_TYPE)


def from_refresh(tokens: IssuedTokens) -> auth_pb2.RefreshResponse:
    return auth_pb2.RefreshResponse(**vars(tokens), token_type=TOKEN_TYPE)


def from_session(session: SeenSession, current_id: str) -> auth_pb2.Session:
    message = auth_pb2.Session(
        id=str(session.session_id),
        created_at=Timestamp(),
        last_used_at=Timestamp(),
        ip=session.source,
        user_agent=session.user_agent,
        is_current=str(session.session_id) == current_id,
    )
    message.created_at.FromDatetime(session.created_at)
    message.last_used_at.FromDatetime(session.last_used_at)
    return message


def from_user(user: User, tenant: Tenant) -> auth_pb2.User:
    message = auth_pb2.User(
        id=str(user.user_id),
        email=user.email,
        username=user.username,
        full_name=user.full_name,
        role=user.role,
        tenant_id=str(tenant.tenant_id),
        tenant_name=tenant.name,
        is_active=user.is_active,
        status="active" if user.is_active else "inactive",
        id_usuario=user.number,
    )
    message.created_at.FromDatetime(user.created_at)
    if user.last_login_at is not None:
        message.last_login_at.FromDatetime(user.last_login_at)
    return with_documented_names(message)


def with_documented_names(message: auth_pb2.User) -> auth_pb2.User:
    """Says the same again under the names that the documents use."""
    message.cuenta, message.empresa_id = message.username, message.tenant_id
    message.activo, message.rol = message.is_active, message.role
    message.fecha_creacion.CopyFrom(message.created_at)
    if message.HasField("last_login_at"):
        message.ultimo_acceso.CopyFrom(message.last_login_at)
    return message
