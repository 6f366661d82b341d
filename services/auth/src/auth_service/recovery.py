"""Getting back in without the password: a mail with a token, and a new password for it."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from service_runtime.errors import InvalidArgument

from auth_service.accounts import NOBODY, Language, Origin, Tenant, User
from auth_service.attempts import AttemptLimits, Key, name_hash
from auth_service.audit import FAILED, OK, AuditTrail
from auth_service.common_passwords import refuse_guessable
from auth_service.mail_jobs import MailJobs
from auth_service.mail_tokens import mail_token_hash
from auth_service.names import comparison_key
from auth_service.passwords import PasswordHashing
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.tenant_store import TenantRecords


class Recovery:
    """Never tells who has an account: asking looks for nobody, and every token that is not good is refused alike."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        sessions: Sessions,
        mails: MailJobs,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._mails = mails
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def ask(self, email: str, language: Language, origin: Origin) -> None:
        """Queues the mail; whether anybody has the address is looked up by the job."""
        email_key = comparison_key(email)
        keys, now = self._limits.of_reset_mail(email_key, origin.source), self._clock()
        async with self._store.before_tenant() as lookups:
            await lookups.count_attempt(keys, now)
            await self._mails.reset(lookups, email, language)
            details = {"name_hash": name_hash(email_key)}
            await self._audit.record(lookups, "user.forgot_password", OK, origin, details=details)

    async def reset(self, token: str, password: str, origin: Origin) -> None:
        """Sets a new password for a token, and ends all sessions of the person."""
        digest = mail_token_hash(token)
        async with self._passwords.place() as hashing:
            keys, tenant_id = await self._find_tenant(digest, origin)
            found = await self._find_person(tenant_id, digest) if tenant_id else None
            if found is not None:
                user, tenant = found
                refuse_guessable(password, personal=[user.email, user.username, user.full_name, tenant.name])
                new_hash = await hashing.hash(password)
                if await self._set_password(user, digest, new_hash, keys, origin):
                    return
        async with self._store.tenant(tenant_id or NOBODY) as records:
            await self._audit.record(records, "user.reset_password", FAILED, origin)
        raise InvalidArgument("BAD_RESET_TOKEN", "The token is not valid any more; ask for another mail.")

    async def _find_tenant(self, digest: bytes, origin: Origin) -> tuple[list[Key], UUID | None]:
        """Counts the attempt as a failed log-in of its source, until it is known to be none."""
        keys, now = self._limits.of_reset(origin.source), self._clock()
        async with self._store.before_tenant() as lookups:
            await lookups.count_attempt(keys, now)
            return keys, await lookups.tenant_of_password_reset(digest)

    async def _find_person(self, tenant_id: UUID, digest: bytes) -> tuple[User, Tenant] | None:
        async with self._store.tenant(tenant_id) as records:
            user_id = await records.person_to_reset(digest, self._clock())
            return await self._active(records, user_id) if user_id else None

    async def _active(self, records: TenantRecords, user_id: UUID) -> tuple[User, Tenant] | None:
        """Gives the person, held until the transaction ends, where both the person and the tenant are active."""
        user, tenant = await records.lock_user(user_id), await records.tenant()
        if user is None or tenant is None or not (user.is_active and tenant.is_active):
            return None
        return user, tenant

    async def _set_password(self, user: User, digest: bytes, new_hash: str, keys: list[Key], origin: Origin) -> bool:
        """Gives False where somebody else used the token meanwhile, or the person may not log in any more."""
        async with self._store.tenant(user.tenant_id) as records:
            # Held from here on: log-ins with the old password that are under way see the new one, or are ended here.
            if await self._active(records, user.user_id) is None or not await records.use_reset(digest, self._clock()):
                return False
            await records.set_password(user.user_id, new_hash, self._clock())
            await self._sessions.end_all(records, user.user_id)
            names = [comparison_key(user.email), comparison_key(user.username)]
            await records.forgive(self._limits.after_success(names, origin.source), keys)
            actor = str(user.user_id)
            await self._audit.record(records, "user.reset_password", OK, origin, actor=actor)
        return True
