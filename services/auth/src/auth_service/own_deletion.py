"""Deleting oneself."""

from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.audit import OK, AuditTrail
from auth_service.members import last_admin
from auth_service.own_password import OwnPassword, Proof
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.users import Users

_ACTION = "user.delete"


class OwnDeletion:
    """Deletes who knows their password for good; what they made for the tenant stays."""

    def __init__(
        self, store: Store, users: Users, own_password: OwnPassword, sessions: Sessions, audit: AuditTrail
    ) -> None:
        self._store = store
        self._users = users
        self._own_password = own_password
        self._sessions = sessions
        self._audit = audit

    async def delete(self, caller: Identity, password: str, origin: Origin) -> None:
        user = (await self._users.me(caller)).user
        proof = await self._own_password.proof(user, password, origin)
        if proof is None or not await self._delete(user, proof, origin):
            raise await self._own_password.refusal(caller, _ACTION, origin)

    async def _delete(self, user: User, proof: Proof, origin: Origin) -> bool:
        """Gives False where somebody else changed the password meanwhile."""
        async with self._store.tenant(user.tenant_id) as records:
            await records.lock_tenant()
            if not await self._own_password.still_holds(records, user, proof):
                return False
            # Read anew: who was no admin before the tenant was held may be its only one by now.
            present = await records.lock_user(user.user_id)
            if present is not None and present.role == "admin" and not await records.has_other_admin(user.user_id):
                raise last_admin()
            await self._sessions.end_all(records, user.user_id)
            await records.delete_user(user.user_id)
            actor = str(user.user_id)
            await self._audit.record(records, _ACTION, OK, origin, actor=actor, resource=f"users/{actor}")
        return True
