"""People of a tenant, as its admins see and change them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.audit import OK, AuditTrail
from auth_service.invitations import Invitations
from auth_service.members import AccessChange, Member, last_admin
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.tenant_store import TenantRecords
from auth_service.users import no_such_person


class People:
    """Lists people, and changes what they may do. Changes of one tenant are made one after the other."""

    def __init__(
        self,
        store: Store,
        invitations: Invitations,
        sessions: Sessions,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._invitations = invitations
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    async def page(self, caller: Identity, after: UUID | None, limit: int) -> list[Member]:
        """Gives people and open invitations in the order in which they were made."""
        async with self._store.tenant(caller.tenant_id) as records:
            tenant = await records.tenant()
            found = await records.page_of_people(after, limit, self._clock())
        return [Member(person, tenant) for person in found] if tenant is not None else []

    async def change(self, caller: Identity, user_id: UUID, wanted: AccessChange, origin: Origin) -> Member:
        """Changes somebody's role and activity, or those of an invitation."""
        async with self._store.tenant(caller.tenant_id) as records:
            tenant = await records.lock_tenant()
            if tenant is None:
                raise no_such_person()
            user = await records.lock_user(user_id)
            if user is None:
                return await self._invitations.change(records, caller, tenant, user_id, wanted, origin)
            return Member(await self._change(records, caller, user, wanted, origin), tenant)

    async def _change(
        self, records: TenantRecords, caller: Identity, present: User, wanted: AccessChange, origin: Origin
    ) -> User:
        changed = replace(
            present,
            role=wanted.role or present.role,
            is_active=present.is_active if wanted.is_active is None else wanted.is_active,
        )
        if changed == present:
            return present
        if _rules(present) and not _rules(changed) and not await records.has_other_admin(present.user_id):
            raise last_admin()
        await records.change_access(changed)
        if not changed.is_active:
            await self._sessions.end_all(records, present.user_id)
        if changed.role != present.role:
            await self._sessions.change_rights(records, present.user_id)
        resource = f"users/{present.user_id}"
        details = {"role": changed.role, "is_active": str(changed.is_active).lower()}
        await self._audit.record(
            records, "user.change", OK, origin, actor=caller.subject, resource=resource, details=details
        )
        return changed


def _rules(user: User) -> bool:
    return user.role == "admin" and user.is_active
