"""Tenants, their people and their sessions, as auth keeps them."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from service_runtime.origin import Origin as Origin

Role = Literal["viewer", "user", "admin"]
Language = Literal["es", "en"]
DEFAULT_LANGUAGE: Language = "es"

# What happens before a tenant is known, such as a log-in to an account that does not exist, is kept for this tenant.
# Nobody belongs to it, and no token names it.
NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Tenant:
    """A company whose people share accounts and data."""

    tenant_id: UUID
    name: str
    timezone: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class User:
    """A person of a tenant."""

    user_id: UUID
    tenant_id: UUID
    email: str
    username: str
    full_name: str
    role: Role
    is_active: bool
    created_at: datetime
    last_login_at: datetime | None = None
    # Counts the people of the tenant from 1; 0 before the record is made.
    number: int = 0


@dataclass(frozen=True)
class Invitation:
    """Somebody who may register in the tenant with a role; the id is that of the person who comes of it."""

    invitation_id: UUID
    tenant_id: UUID
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class UserSettings:
    """How a person likes it; None where it was never set."""

    language: Language | None
    timezone: str | None
    email_notifications: bool


@dataclass(frozen=True)
class Bearer:
    """Who a session is for, as its access tokens say."""

    user_id: UUID
    tenant_id: UUID
    role: Role
    username: str
    timezone: str
    # Rises when the person's rights change; tokens of a lower one are void.
    access_version: int


# Also the names of their columns.
BEARER_FIELDS = tuple(field.name for field in fields(Bearer))


@dataclass(frozen=True)
class LoginAccount:
    """What a log-in needs to know of a person, found before the tenant is known."""

    bearer: Bearer
    email_key: str
    username_key: str
    password_hash: str = field(repr=False)
    # Both the person and the tenant.
    is_active: bool
    # Whether this person has begun a session from the same source lately.
    known_source: bool


@dataclass(frozen=True)
class Session:
    """A signed-in device or browser; it ends unless its refresh token is used before."""

    session_id: UUID
    tenant_id: UUID
    user_id: UUID
    created_at: datetime
    expires_at: datetime
    origin: Origin


@dataclass(frozen=True)
class SeenSession:
    """A session as its person sees it."""

    session_id: UUID
    created_at: datetime
    last_used_at: datetime
    source: str
    user_agent: str


@dataclass(frozen=True)
class RefreshToken:
    """An opaque token's record: its hash, never the token. A family descends from one log-in."""

    token_id: UUID
    family_id: UUID
    token_hash: bytes = field(repr=False)
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class PresentedToken:
    """A refresh token that somebody presents, as it is recorded, with whom it would be for."""

    token_id: UUID
    family_id: UUID
    session_id: UUID
    bearer: Bearer
    expires_at: datetime
    used_at: datetime | None
    # With the token itself it gives its successor again; gone as soon as that is used.
    successor_key: bytes | None = field(repr=False)
    # Neither the session nor the token was ended, and the person and the tenant are active.
    is_alive: bool


@dataclass(frozen=True)
class AuditEvent:
    """One thing that somebody did or tried. `actor` is a user id, or empty where nobody is known."""

    event_id: UUID
    time: datetime
    action: str
    outcome: str
    origin: Origin
    actor: str = ""
    resource: str = ""
    details: dict[str, str] = field(default_factory=dict)
