"""Who belongs to a tenant or is invited, and what admins change about them."""

from dataclasses import dataclass

from service_runtime.errors import Conflict

from auth_service.accounts import Invitation, Role, Tenant, User


@dataclass(frozen=True)
class Member:
    """Somebody of the tenant, or somebody invited; `is_open` is False for an invitation that was withdrawn."""

    person: User | Invitation
    tenant: Tenant
    is_open: bool = True


@dataclass(frozen=True)
class AccessChange:
    """What is to change; None stays."""

    role: Role | None
    is_active: bool | None


def last_admin() -> Conflict:
    """Gives the error of what would leave a tenant without anybody to rule it."""
    return Conflict("LAST_ADMIN", "This is the last active admin of the tenant; make somebody else one first.")
