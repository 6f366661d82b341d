"""Beginning a session: its record, its refresh token's family and the first pair of tokens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from auth_service.accounts import Bearer, Origin, RefreshToken, Session
from auth_service.tenant_store import TenantRecords
from auth_service.tokens import AccessClaims, TokenSigner, new_refresh_token, refresh_token_hash


@dataclass(frozen=True)
class IssuedTokens:
    """A pair of tokens as the person gets it, once."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


class Sessions:
    """Begins sessions within the caller's transaction."""

    def __init__(
        self, signer: TokenSigner, *, refresh_life: timedelta, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._signer = signer
        self._refresh_life = refresh_life
        self._clock = clock
        self._new_id = new_id

    async def begin(self, records: TenantRecords, bearer: Bearer, origin: Origin) -> IssuedTokens:
        """Records a session and gives its tokens; the person's latest log-in becomes this one."""
        now = self._clock()
        session_id = self._new_id()
        ends = now + self._refresh_life
        token = new_refresh_token()
        await records.add_session(Session(session_id, bearer.tenant_id, bearer.user_id, now, ends, origin))
        await records.add_refresh_token(
            session_id, RefreshToken(self._new_id(), self._new_id(), refresh_token_hash(token), now, ends)
        )
        claims = AccessClaims(
            subject=str(bearer.user_id),
            tenant_id=bearer.tenant_id,
            role=bearer.role,
            username=bearer.username,
            timezone=bearer.timezone,
            session_id=session_id,
            token_id=self._new_id(),
        )
        return IssuedTokens(self._signer.sign(claims, now), token, self._signer.expires_in)
