"""Changing one's own password, which ends all other sessions."""

from collections.abc import Callable
from datetime import datetime

from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.audit import OK, AuditTrail
from auth_service.common_passwords import refuse_guessable
from auth_service.names import as_uuid
from auth_service.own_password import OwnPassword, Proof
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.users import Users

_ACTION = "user.change_password"


class PasswordChange:
    """Takes a new password from who knows the old one."""

    def __init__(
        self,
        store: Store,
        users: Users,
        own_password: OwnPassword,
        sessions: Sessions,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._users = users
        self._own_password = own_password
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    async def change(self, caller: Identity, current: str, new: str, origin: Origin) -> None:
        profile = await self._users.me(caller)
        user = profile.user
        refuse_guessable(new, personal=[user.email, user.username, user.full_name, profile.tenant.name])
        proof = await self._own_password.proof(user, current, origin, new_password=new)
        if proof is None or not await self._replace(caller, user, proof, origin):
            raise await self._own_password.refusal(caller, _ACTION, origin)

    async def _replace(self, caller: Identity, user: User, proof: Proof, origin: Origin) -> bool:
        """Gives False where somebody else changed the password meanwhile."""
        async with self._store.tenant(user.tenant_id) as records:
            if not await self._own_password.still_holds(records, user, proof):
                return False
            await records.set_password(user.user_id, proof.new_hash, self._clock())
            await records.drop_reset(user.user_id)
            await self._sessions.end_all(records, user.user_id, but=as_uuid(caller.session_id))
            await self._audit.record(records, _ACTION, OK, origin, actor=caller.subject)
        return True
