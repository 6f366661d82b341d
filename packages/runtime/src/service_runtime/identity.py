"""Who calls: the identity that a token proves, and the roles that there are."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from service_runtime.errors import Unauthenticated

Role = Literal["viewer", "user", "admin"]
# Each role has every right of those before it.
ROLE_ORDER: tuple[Role, ...] = get_args(Role)

Kind = Literal["person", "program", "service"]


@dataclass(frozen=True)
class Identity:
    """The person, program or service that calls, as its token says. `token` is there to call on in its name."""

    subject: str
    tenant_id: UUID
    role: Role
    username: str
    timezone: str
    session_id: str
    token: str = field(repr=False)
    kind: Kind = "person"
    # Of the person's rights; revocations name the lowest that still holds.
    access_version: int = 0
    # The one service that a service's token is for.
    target: str = ""
    # The operator's own programs are not counted; only who signs tokens can say so.
    unlimited: bool = False


current_identity: ContextVar[Identity | None] = ContextVar("current_identity", default=None)


def caller() -> Identity:
    """Gives the identity behind the request that is being served."""
    identity = current_identity.get()
    if identity is None:
        raise Unauthenticated("TOKEN_REQUIRED", "An access token is required.")
    return identity


def optional_caller() -> Identity | None:
    """Gives the identity where there is one: a public rpc may be called without."""
    return current_identity.get()


def has_role(identity: Identity, least_role: str) -> bool:
    """Tells whether an identity has at least a role; nobody has a role that does not exist."""
    return least_role in ROLE_ORDER and ROLE_ORDER.index(identity.role) >= ROLE_ORDER.index(least_role)
