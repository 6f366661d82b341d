"""People as they see themselves."""

from dataclasses import dataclass

from service_runtime.errors import NotFound, Unauthenticated
from service_runtime.identity import Identity

from auth_service.accounts import Tenant, User
from auth_service.names import as_uuid
from auth_service.store import Store


@dataclass(frozen=True)
class Profile:
    """A person with the tenant; the user's `last_login_at` is the log-in before the present session."""

    user: User
    tenant: Tenant


class Users:
    """Reads people of the caller's tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def me(self, caller: Identity) -> Profile:
        """Gives the caller; a program's token names no person."""
        user_id = as_uuid(caller.subject)
        async with self._store.tenant(caller.tenant_id) as records:
            user = await records.user_in_session(user_id, as_uuid(caller.session_id)) if user_id else None
            tenant = await records.tenant() if user else None
        if user is None or tenant is None:
            raise no_such_person()
        if not (user.is_active and tenant.is_active):
            raise Unauthenticated("INACTIVE", "This account is not active.")
        return Profile(user, tenant)


def no_such_person() -> NotFound:
    """Gives the error for who is nobody in the tenant, whatever they are elsewhere."""
    return NotFound("USER_NOT_FOUND", "There is no such person in the tenant.")
