"""A tenant's sessions and their refresh tokens."""

from datetime import datetime
from uuid import UUID

from auth_service.accounts import BEARER_FIELDS, Bearer, PresentedToken, RefreshToken, SeenSession, Session
from auth_service.revocation_store import RevocationWriting


class SessionRecords(RevocationWriting):
    """What a transaction that sees one tenant does with sessions."""

    async def add_session(self, session: Session, token: RefreshToken) -> None:
        """Records a session with its first refresh token, and that the person has logged in."""
        # One statement: a log-in has little time beside its hashing.
        await self.run(
            """WITH begun AS (
                   INSERT INTO sessions (tenant_id, session_id, user_id, created_at, last_used_at, expires_at,
                                         previous_login_at, source, user_agent)
                   SELECT tenant_id, :session_id, user_id, :created_at, :created_at, :session_expires_at, last_login_at,
                          :source, :user_agent
                   FROM users WHERE user_id = :user_id
                   RETURNING tenant_id, session_id
               ), first_token AS (
                   INSERT INTO refresh_tokens (tenant_id, token_id, family_id, session_id, token_hash, issued_at,
                                               expires_at)
                   SELECT tenant_id, :token_id, :family_id, session_id, :token_hash, :issued_at, :expires_at
                   FROM begun
               )
               UPDATE users SET last_login_at = :created_at WHERE user_id = :user_id""",
            user_id=session.user_id,
            created_at=session.created_at,
            session_id=session.session_id,
            session_expires_at=session.expires_at,
            source=session.origin.source,
            user_agent=session.origin.user_agent,
            **vars(token),
        )

    async def add_refresh_token(self, session_id: UUID, token: RefreshToken) -> None:
        await self.run(
            """INSERT INTO refresh_tokens (tenant_id, token_id, family_id, session_id, token_hash, issued_at,
                                           expires_at)
               VALUES (:tenant_id, :token_id, :family_id, :session_id, :token_hash, :issued_at, :expires_at)""",
            tenant_id=self.tenant_id,
            session_id=session_id,
            **vars(token),
        )

    async def lock_session(self, session_id: UUID) -> None:
        """Holds a session until the transaction ends, so that whoever would change or refresh it waits.

        What is read of its tokens must be read by a later statement: this one saw them before it waited.
        """
        await self.row(
            "SELECT session_id FROM sessions WHERE session_id = :session_id FOR UPDATE", session_id=session_id
        )

    async def presented_token(self, token_hash: bytes) -> PresentedToken | None:
        row = await self.row(
            """SELECT r.token_id, r.family_id, r.session_id, r.expires_at, r.used_at, r.successor_key,
                      s.ended_at IS NULL AND r.revoked_at IS NULL AND u.is_active AND t.is_active AS is_alive,
                      u.user_id, u.tenant_id, u.role, u.username, t.timezone, u.access_version
               FROM refresh_tokens r
               JOIN sessions s USING (tenant_id, session_id)
               JOIN users u USING (tenant_id, user_id)
               JOIN tenants t USING (tenant_id)
               WHERE r.token_hash = :token_hash""",
            token_hash=token_hash,
        )
        if row is None:
            return None
        values = dict(row)
        bearer = Bearer(**{name: values.pop(name) for name in BEARER_FIELDS})
        return PresentedToken(bearer=bearer, **values)

    async def use_refresh_token(self, token: PresentedToken, successor_key: bytes, now: datetime) -> None:
        """Marks a token as used. From now on the token before it gives its successor to nobody."""
        await self.run(
            """UPDATE refresh_tokens SET successor_key = NULL
               WHERE family_id = :family_id AND successor_key IS NOT NULL""",
            family_id=token.family_id,
        )
        await self.run(
            "UPDATE refresh_tokens SET used_at = :now, successor_key = :successor_key WHERE token_id = :token_id",
            token_id=token.token_id,
            successor_key=successor_key,
            now=now,
        )

    async def keep_session(self, session_id: UUID, now: datetime, expires_at: datetime) -> None:
        """Records that a session was used, which keeps it alive."""
        await self.run(
            "UPDATE sessions SET last_used_at = :now, expires_at = :expires_at WHERE session_id = :session_id",
            session_id=session_id,
            now=now,
            expires_at=expires_at,
        )

    async def end_session(self, session_id: UUID, now: datetime, tokens_until: datetime) -> None:
        """Ends a session with every refresh token of it; its access tokens would have lived until the time given."""
        values = {"session_id": session_id, "now": now}
        await self.run(
            "UPDATE sessions SET ended_at = :now WHERE session_id = :session_id AND ended_at IS NULL", **values
        )
        await self.run(
            """UPDATE refresh_tokens SET revoked_at = :now, successor_key = NULL
               WHERE session_id = :session_id AND revoked_at IS NULL""",
            **values,
        )
        await self.revoke_session(session_id, tokens_until)

    async def living_sessions(
        self, user_id: UUID, now: datetime, before: UUID | None = None, limit: int | None = None
    ) -> list[SeenSession]:
        """Gives a person's sessions that have not ended, newest first, from the one before an id on."""
        rows = await self.rows(
            """SELECT session_id, created_at, last_used_at, source, user_agent FROM sessions
               WHERE user_id = :user_id AND ended_at IS NULL AND expires_at > :now
                 AND (CAST(:before AS uuid) IS NULL OR session_id < :before)
               ORDER BY session_id DESC LIMIT :limit""",
            user_id=user_id,
            now=now,
            before=before,
            limit=limit,
        )
        return [SeenSession(**row) for row in rows]

    async def holds_session(self, user_id: UUID, session_id: UUID, now: datetime) -> bool:
        """Tells whether a session is the person's and has not ended, and holds it until the transaction ends."""
        row = await self.row(
            """SELECT session_id FROM sessions
               WHERE session_id = :session_id AND user_id = :user_id AND ended_at IS NULL AND expires_at > :now
               FOR UPDATE""",
            session_id=session_id,
            user_id=user_id,
            now=now,
        )
        return row is not None
