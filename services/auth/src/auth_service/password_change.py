"""Changing one's own password, which ends all other sessions."""

from collections.abc import Callable
from datetime import datetime

from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.attempts import AttemptLimits, Key, admit
from auth_service.audit import FAILED, OK, AuditTrail
from auth_service.common_passwords import refuse_guessable
from auth_service.names import as_uuid, comparison_key
from auth_service.passwords import PasswordHashing
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.users import Profile, Users


class PasswordChange:
    """Takes a new password from who knows the old one; a token alone, which may be stolen, is not enough."""

    def __init__(
        self,
        store: Store,
        users: Users,
        passwords: PasswordHashing,
        sessions: Sessions,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._users = users
        self._passwords = passwords
        self._sessions = sessions
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def change(self, caller: Identity, current: str, new: str, origin: Origin) -> None:
        profile = await self._users.me(caller)
        user = profile.user
        refuse_guessable(new, personal=[user.email, user.username, user.full_name, profile.tenant.name])
        async with self._passwords.place() as hashing:
            keys, old_hash = await self._count(user, origin)
            new_hash = await hashing.hash(new) if await hashing.verify(old_hash, current) else None
        if new_hash is None or not await self._replace(caller, profile, old_hash, new_hash, keys, origin):
            async with self._store.tenant(caller.tenant_id) as records:
                await self._audit.record(records, "user.change_password", FAILED, origin, actor=caller.subject)
            raise InvalidArgument("WRONG_PASSWORD", "The current password is wrong.")

    async def _count(self, user: User, origin: Origin) -> tuple[list[Key], str | None]:
        """Counts the attempt as a log-in by address from a source that is not known, and gives the password's hash."""
        keys = self._limits.of_login(comparison_key(user.email), origin.source, known_source=False)
        now = self._clock()
        async with self._store.tenant(user.tenant_id) as records:
            await records.save_counters(admit(keys, await records.lock_counters(keys, now), now))
            return keys, await records.password_hash(user.user_id)

    async def _replace(
        self, caller: Identity, profile: Profile, old_hash: str | None, new_hash: str, keys: list[Key], origin: Origin
    ) -> bool:
        """Gives False where somebody else changed the password meanwhile."""
        user, now = profile.user, self._clock()
        async with self._store.tenant(user.tenant_id) as records:
            # Held from here on: log-ins with the old password that are under way see the new one, or are ended here.
            if await records.lock_password_hash(user.user_id) != old_hash:
                return False
            await records.uncount(keys)
            await records.set_password(user.user_id, new_hash, now)
            for session in await records.living_sessions(user.user_id, now):
                if session.session_id != as_uuid(caller.session_id):
                    await self._sessions.end(records, session.session_id)
            await self._audit.record(records, "user.change_password", OK, origin, actor=caller.subject)
        return True
