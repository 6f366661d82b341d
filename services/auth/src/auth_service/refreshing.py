"""Refreshing a session: each refresh token is used once, and a second use by somebody else ends the session."""

from collections.abc import Callable
from datetime import datetime, timedelta

from service_runtime.errors import Unauthenticated

from auth_service.accounts import Origin, PresentedToken
from auth_service.audit import FAILED, AuditTrail
from auth_service.sessions import IssuedTokens, Sessions
from auth_service.store import Store
from auth_service.tenant_store import TenantRecords
from auth_service.tokens import new_successor_key, refresh_token_hash, successor_token


class Refreshing:
    """Gives the next pair of tokens. Calls with tokens of one session are served one after the other."""

    def __init__(
        self, store: Store, sessions: Sessions, audit: AuditTrail, *, grace: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._audit = audit
        self._grace = grace
        self._clock = clock

    async def refresh(self, token: str, origin: Origin) -> IssuedTokens:
        """Uses up a refresh token; whatever is wrong with it, the answer is the same."""
        token_hash = refresh_token_hash(token)
        async with self._store.before_tenant() as lookups:
            found = await lookups.session_of_refresh_token(token_hash)
        if found is None:
            raise _refusal()
        tenant_id, session_id = found
        async with self._store.tenant(tenant_id) as records:
            await records.lock_session(session_id)
            presented = await records.presented_token(token_hash)
            tokens = await self._next(records, presented, token, origin) if presented else None
        # Raised outside: what the second use of a token ended must stay ended.
        if tokens is None:
            raise _refusal()
        return tokens

    async def _next(
        self, records: TenantRecords, presented: PresentedToken, token: str, origin: Origin
    ) -> IssuedTokens | None:
        if not presented.is_alive:
            return None
        if presented.used_at is not None:
            return await self._used_again(records, presented, presented.used_at, token, origin)
        if self._clock() >= presented.expires_at:
            return None
        key = new_successor_key()
        return await self._sessions.go_on(records, presented, key, successor_token(token, key))

    async def _used_again(
        self, records: TenantRecords, presented: PresentedToken, used_at: datetime, token: str, origin: Origin
    ) -> IssuedTokens | None:
        """A double click gets the same successor; else somebody has a token that is not theirs."""
        if presented.successor_key is not None and self._clock() - used_at < self._grace:
            successor = successor_token(token, presented.successor_key)
            return self._sessions.tokens(presented.bearer, presented.session_id, successor)
        await self._sessions.end(records, presented.session_id)
        await self._audit.record(
            records,
            "session.refresh_token_reused",
            FAILED,
            origin,
            actor=str(presented.bearer.user_id),
            resource=f"sessions/{presented.session_id}",
        )
        return None


def _refusal() -> Unauthenticated:
    return Unauthenticated("BAD_REFRESH_TOKEN", "The refresh token is not valid; log in again.")
