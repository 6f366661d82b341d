"""Sessions: their beginning and going on, with a pair of tokens each time, and their end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.claims import LEEWAY_SECONDS

from auth_service.accounts import AuditEvent, Bearer, Origin, PresentedToken, RefreshToken, Session
from auth_service.tenant_store import TenantRecords
from auth_service.tokens import AccessClaims, TokenSigner, new_refresh_token, refresh_token_hash


@dataclass(frozen=True)
class IssuedTokens:
    """A pair of tokens as the person gets it, once."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


class Sessions:
    """Begins, continues and ends sessions within the caller's transaction."""

    def __init__(
        self, signer: TokenSigner, *, refresh_life: timedelta, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._signer = signer
        self._refresh_life = refresh_life
        self._clock = clock
        self._new_id = new_id

    async def begin(self, records: TenantRecords, bearer: Bearer, event: AuditEvent) -> IssuedTokens:
        """Records a session and the event that tells of it; gives its tokens. The latest log-in becomes this one."""
        session, token = self._new_session(bearer, event.origin)
        await records.add_session(session, self._record(self._new_id(), token, session.created_at), event)
        return self.tokens(bearer, session.session_id, token)

    async def begin_by_password(
        self, records: TenantRecords, bearer: Bearer, password_hash: str, event: AuditEvent
    ) -> IssuedTokens | None:
        """Does the same, but nothing where the person's password has that hash no longer, or who is not active."""
        session, token = self._new_session(bearer, event.origin)
        record = self._record(self._new_id(), token, session.created_at)
        if not await records.add_session(session, record, event, password_hash):
            return None
        return self.tokens(bearer, session.session_id, token)

    async def go_on(
        self, records: TenantRecords, used: PresentedToken, successor_key: bytes, refresh_token: str
    ) -> IssuedTokens:
        """Uses up a refresh token and records its successor, and that the session lives on."""
        now = self._clock()
        record = self._record(used.family_id, refresh_token, now)
        await records.go_on(used, successor_key, record, now + self._refresh_life)
        return self.tokens(used.bearer, used.session_id, refresh_token)

    async def end(self, records: TenantRecords, session_id: UUID) -> None:
        """Ends a session and everything that came from it; every service hears of it within a second."""
        await records.end_session(session_id, self._clock(), self.last_token_ends())

    async def end_all(self, records: TenantRecords, user_id: UUID, *, but: UUID | None = None) -> None:
        """Ends all of a person's sessions, or all but one; the person's record must be locked, so that none begins."""
        for session in await records.living_sessions(user_id, self._clock()):
            if session.session_id != but:
                await self.end(records, session.session_id)

    async def change_rights(self, records: TenantRecords, user_id: UUID) -> None:
        """Makes a person's present access tokens void; their sessions live on, and refreshing gives what holds now."""
        version = await records.raise_access_version(user_id)
        await records.revoke_versions(user_id, version, self.last_token_ends())

    def last_token_ends(self) -> datetime:
        """Gives the time at which no access token of now holds any more, for what is revoked now."""
        return self._clock() + timedelta(seconds=self._signer.expires_in + LEEWAY_SECONDS)

    def tokens(self, bearer: Bearer, session_id: UUID, refresh_token: str) -> IssuedTokens:
        """Signs an access token and gives it with a refresh token that is recorded already."""
        claims = AccessClaims(
            subject=str(bearer.user_id),
            tenant_id=bearer.tenant_id,
            role=bearer.role,
            username=bearer.username,
            timezone=bearer.timezone,
            session_id=session_id,
            token_id=self._new_id(),
            kind="person",
            access_version=bearer.access_version,
        )
        return IssuedTokens(self._signer.sign(claims, self._clock()), refresh_token, self._signer.expires_in)

    def _new_session(self, bearer: Bearer, origin: Origin) -> tuple[Session, str]:
        """Gives a session that is not recorded yet, with its first refresh token."""
        now = self._clock()
        ends = now + self._refresh_life
        return Session(self._new_id(), bearer.tenant_id, bearer.user_id, now, ends, origin), new_refresh_token()

    def _record(self, family_id: UUID, token: str, now: datetime) -> RefreshToken:
        return RefreshToken(self._new_id(), family_id, refresh_token_hash(token), now, now + self._refresh_life)
