"""API keys: made, listed and revoked by admins."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from service_runtime.errors import InvalidArgument, NotFound, PermissionDenied
from service_runtime.identity import Identity, has_role
from service_runtime.quotas import quota_exceeded

from auth_service.accounts import Origin, Role
from auth_service.audit import OK, AuditTrail
from auth_service.key_format import key_hash, new_key, prefix
from auth_service.names import clean_text
from auth_service.programs import ApiKey, NewApiKey
from auth_service.sessions import Sessions
from auth_service.store import Store


class ApiKeys:
    """Keys of the caller's tenant."""

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        audit: AuditTrail,
        *,
        most: int,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._audit = audit
        self._most = most
        self._clock = clock
        self._new_id = new_id

    async def create(
        self, caller: Identity, name: str, role: Role, expires_at: datetime | None, origin: Origin
    ) -> NewApiKey:
        """Makes a key of at most the caller's own role, and shows it this once."""
        now = self._clock()
        name = clean_text("name", name)
        if not has_role(caller, role):
            raise PermissionDenied("ROLE_NOT_SUFFICIENT", "A key cannot do more than who makes it.", least_role=role)
        if expires_at is not None and expires_at <= now:
            raise InvalidArgument("EXPIRY_PAST", "The key would have expired already.")
        key = new_key()
        record = ApiKey(self._new_id(), prefix(key), name, role, caller.subject, now, expires_at)
        async with self._store.tenant(caller.tenant_id) as records:
            # Who counts and adds waits here for others who do.
            if await records.lock_tenant() is None:
                raise NotFound("TENANT_NOT_FOUND", "The tenant is gone.")
            if self._most and await records.count_living_api_keys(now) >= self._most:
                raise quota_exceeded("api_keys", self._most)
            await records.add_api_key(record, key_hash(key))
            await self._audit.record(
                records,
                "api_key.create",
                OK,
                origin,
                actor=caller.subject,
                resource=f"api-keys/{record.key_id}",
                details={"prefix": record.prefix, "name": name, "role": role},
            )
        return NewApiKey(record, key)

    async def page(self, caller: Identity, before: UUID | None, limit: int) -> list[ApiKey]:
        """Gives keys, also ended ones, newest first."""
        async with self._store.tenant(caller.tenant_id) as records:
            return await records.api_keys(before, limit)

    async def revoke(self, caller: Identity, key_id: UUID, origin: Origin) -> None:
        """Ends a key and the tokens given for it; every service hears of it within a second."""
        async with self._store.tenant(caller.tenant_id) as records:
            record = await records.lock_api_key(key_id)
            if record is None:
                raise NotFound("API_KEY_NOT_FOUND", "There is no such key.")
            if record.revoked_at is not None:
                return
            await records.end_api_key(key_id, self._clock())
            await records.revoke_session(key_id, self._sessions.last_token_ends())
            await self._audit.record(
                records,
                "api_key.revoke",
                OK,
                origin,
                actor=caller.subject,
                resource=f"api-keys/{key_id}",
                details={"prefix": record.prefix},
            )
