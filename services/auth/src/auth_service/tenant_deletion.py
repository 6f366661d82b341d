"""A tenant's end, as its admin asks for it: nobody gets in from that moment on, and everything is to be erased."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.audit import OK, AuditTrail
from auth_service.erasures import Erasure
from auth_service.names import as_uuid, comparison_key
from auth_service.own_password import OwnPassword, Proof
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.users import Users

_ACTION = "tenant.delete"
_JOB_PREFIX = "auth/"


class TenantDeletion:
    """Shuts a tenant at once and leaves its erasure to the worker. `calls_take` is how long a call may go on."""

    def __init__(
        self,
        store: Store,
        users: Users,
        own_password: OwnPassword,
        sessions: Sessions,
        audit: AuditTrail,
        *,
        calls_take: timedelta,
        clock: Callable[[], datetime],
        new_secret_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._users = users
        self._own_password = own_password
        self._sessions = sessions
        self._audit = audit
        self._calls_take = calls_take
        self._clock = clock
        self._new_secret_id = new_secret_id

    async def delete(self, caller: Identity, password: str, name: str, origin: Origin) -> Erasure:
        """Takes the caller's password and the tenant's name, which nobody types by mistake."""
        profile = await self._users.me(caller)
        if profile.user.role != "admin":
            # The token may be older than the role.
            raise PermissionDenied("ROLE_NOT_SUFFICIENT", "Your role does not allow this.", least_role="admin")
        if comparison_key(name) != comparison_key(profile.tenant.name):
            raise InvalidArgument("WRONG_TENANT_NAME", "This is not the name of your tenant.")
        proof = await self._own_password.proof(profile.user, password, origin)
        erasure = await self._shut(caller, profile.user, proof, origin) if proof is not None else None
        if erasure is None:
            raise await self._own_password.refusal(caller, _ACTION, origin)
        return erasure

    async def erasure(self, job_id: str) -> Erasure:
        """Gives how an erasure stands to whoever knows its id, which cannot be guessed."""
        erasure_id = as_uuid(job_id.removeprefix(_JOB_PREFIX)) if job_id.startswith(_JOB_PREFIX) else None
        async with self._store.erasures() as records:
            erasure = await records.get(erasure_id) if erasure_id is not None else None
        if erasure is None:
            raise NotFound("ERASURE_NOT_FOUND", "There is no such erasure.")
        return erasure

    async def _shut(self, caller: Identity, user: User, proof: Proof, origin: Origin) -> Erasure | None:
        """Gives None where somebody changed the password meanwhile."""
        now = self._clock()
        # A log-in that is under way may still get a token.
        calls_end_at = self._sessions.last_token_ends() + self._calls_take
        erasure = Erasure(self._new_secret_id(), user.tenant_id, now, calls_end_at, due_at=now)
        async with self._store.tenant(user.tenant_id) as records:
            tenant = await records.lock_tenant()
            if tenant is None or not tenant.is_active:
                raise Unauthenticated("INACTIVE", "This account is not active.")
            if not await self._own_password.still_holds(records, user, proof):
                return None
            await records.deactivate_tenant()
            await records.end_every_session(now)
            await records.revoke_tenant(user.tenant_id, calls_end_at)
            await records.add_erasure(erasure)
            await self._audit.record(records, _ACTION, OK, origin, actor=caller.subject)
        return erasure
