"""Logging in: who proves to be a person begins a session."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from service_runtime.errors import ServiceError, Unauthenticated

from auth_service.accounts import NOBODY, LoginAccount, Origin
from auth_service.attempts import AttemptLimits, Key, name_hash
from auth_service.audit import FAILED, OK, AuditTrail
from auth_service.lookup_store import Lookups
from auth_service.names import comparison_key
from auth_service.passwords import HashingPlace, PasswordHashing, is_outdated
from auth_service.sessions import IssuedTokens, Sessions
from auth_service.store import Store

NameKind = Literal["email", "username"]

# A source from which somebody has logged in within this time is known as theirs.
KNOWN_FOR = timedelta(days=30)


class Login:
    """Checks passwords. Whatever is wrong, the answer and its time are the same: wrong password, nobody, inactive."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        sessions: Sessions,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def by_email(self, email: str, password: str, origin: Origin) -> IssuedTokens:
        return await self._log_in("email", comparison_key(email), password, origin)

    async def by_username(self, name: str, password: str, origin: Origin) -> IssuedTokens:
        """Takes an e-mail address too; a user name cannot contain an at sign."""
        return await self._log_in("email" if "@" in name else "username", comparison_key(name), password, origin)

    async def _log_in(self, kind: NameKind, name: str, password: str, origin: Origin) -> IssuedTokens:
        async with self._passwords.place() as hashing:
            async with self._store.before_tenant() as lookups:
                account = await self._find(lookups, kind, name, origin)
                keys = self._limits.of_login(name, origin.source, known_source=bool(account and account.known_source))
                # Counted before the password is looked at: any number of attempts at once are as many as one by one.
                now = self._clock()
                await lookups.count_attempt(keys, now)
            right = await hashing.verify(account.password_hash if account else None, password)
            tokens = None
            if account is not None and right and account.is_active:
                tokens = await self._begin(account, hashing, password, keys, origin)
            if tokens is None:
                raise await self._refusal(account, name, origin)
            return tokens

    async def _find(self, lookups: Lookups, kind: NameKind, name: str, origin: Origin) -> LoginAccount | None:
        find = lookups.account_by_email if kind == "email" else lookups.account_by_username
        return await find(name, origin.source, self._clock() - KNOWN_FOR)

    async def _refusal(self, account: LoginAccount | None, name: str, origin: Origin) -> ServiceError:
        """Records the failure; the same work for somebody and for nobody."""
        tenant_id = account.bearer.tenant_id if account else NOBODY
        actor = str(account.bearer.user_id) if account else ""
        # What was typed is not kept: people type passwords into the wrong field.
        details = {"name_hash": name_hash(name)}
        async with self._store.tenant(tenant_id) as records:
            await self._audit.record(records, "user.login", FAILED, origin, actor=actor, details=details)
        return Unauthenticated("BAD_CREDENTIALS", "The name or the password is wrong.")

    async def _begin(
        self, account: LoginAccount, hashing: HashingPlace, password: str, keys: list[Key], origin: Origin
    ) -> IssuedTokens | None:
        """Gives nothing where the password was changed while it was checked: that ends all sessions, this one too."""
        bearer, old_hash = account.bearer, account.password_hash
        new_hash = await hashing.hash(password) if is_outdated(old_hash) else None
        event = self._audit.event("user.login", OK, origin, actor=str(bearer.user_id))
        async with self._store.tenant(bearer.tenant_id) as records:
            tokens = await self._sessions.begin_by_password(records, bearer, old_hash, event)
            if tokens is None:
                # Another log-in may have renewed the hash of the same password.
                if not await hashing.verify(await records.lock_password_hash(bearer.user_id), password):
                    return None
                tokens = await self._sessions.begin(records, bearer, event)
            await records.forgive(
                self._limits.after_success([account.email_key, account.username_key], origin.source),
                [key for key in keys if key.kind == "source"],
            )
            if new_hash is not None:
                await records.renew_hash(bearer.user_id, old_hash, new_hash)
        return tokens
