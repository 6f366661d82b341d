"""Programs of tenants, and services, as auth keeps them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from auth_service.accounts import Role


@dataclass(frozen=True)
class ApiKey:
    """A key's record, never the key itself. `created_by` is a person's id or a program's name."""

    key_id: UUID
    prefix: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class NewApiKey:
    """A key as its maker sees it, once."""

    record: ApiKey
    key: str = field(repr=False)


@dataclass(frozen=True)
class PresentedApiKey:
    """The record of a key that somebody presents, found before the tenant is known."""

    tenant_id: UUID
    key_id: UUID
    prefix: str
    role: Role
    timezone: str
    last_used_at: datetime | None
    expires_at: datetime | None
    # Not revoked, and the tenant is active.
    is_alive: bool

    def is_good(self, now: datetime) -> bool:
        return self.is_alive and (self.expires_at is None or now < self.expires_at)
