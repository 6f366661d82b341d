"""What a caller may see of a tenant's accounts: told of the caller alone, and asked of each account by the store."""

from dataclasses import dataclass
from uuid import UUID

from service_runtime.errors import Conflict, PermissionDenied
from service_runtime.identity import ROLE_ORDER, Identity


@dataclass(frozen=True)
class Sight:
    """The roles that somebody has, who it is, and whether every account of the tenant is to be seen."""

    roles: tuple[str, ...] = ()
    person: UUID | None = None
    sees_all: bool = False


# For what ingest does on its own account, such as finding whether a name is taken.
EVERYTHING = Sight(sees_all=True)


def sight_of(role: str, kind: str, subject: str) -> Sight:
    """Tells what a person of a role sees; programs count by their role alone."""
    # Each role has the rights of those below it, so who may see by a lower role may see by this one.
    roles = ROLE_ORDER[: ROLE_ORDER.index(role) + 1] if role in ROLE_ORDER else ()
    return Sight(roles, _uuid(subject) if kind == "person" else None, sees_all="admin" in roles)


def callers_sight(caller: Identity) -> Sight:
    return sight_of(caller.role, caller.kind, caller.subject)


def account_forbidden(username: str) -> PermissionDenied:
    """The same for an account that is hidden from the caller, for one of another tenant and for one that nobody has."""
    return PermissionDenied("ACCOUNT_FORBIDDEN", "Your company has no such account.", account=username)


def account_inactive(username: str) -> Conflict:
    return Conflict("ACCOUNT_INACTIVE", "Nothing can be imported into the account: it is not active.", account=username)


def _uuid(subject: str) -> UUID | None:
    try:
        return UUID(subject)
    except ValueError:
        return None
