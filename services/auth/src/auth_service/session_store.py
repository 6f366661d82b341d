"""A tenant's sessions and their refresh tokens."""

from datetime import datetime
from uuid import UUID

from auth_service.accounts import BEARER_FIELDS, AuditEvent, Bearer, PresentedToken, RefreshToken, SeenSession, Session
from auth_service.revocation_store import RevocationWriting
from auth_service.transaction_store import EVENT_COLUMNS, EVENT_VALUES

_REFRESH_COLUMNS = "tenant_id, token_id, family_id, session_id, token_hash, issued_at, expires_at"
_REFRESH_VALUES = ":tenant_id, :token_id, :family_id, :session_id, :token_hash, :issued_at, :expires_at"


class SessionRecords(RevocationWriting):
    """What a transaction that sees one tenant does with sessions."""

    async def add_session(
        self, session: Session, token: RefreshToken, event: AuditEvent, password_hash: str | None = None
    ) -> bool:
        """Records a session with its first refresh token, the person's log-in, and the event that tells of it.

        Given the hash of the password that was checked, it does nothing, and gives False, where that is the hash no
        longer or the person is not active; both stay so until the transaction ends.
        """
        values = await self.event_values(event)
        # One statement: a log-in has little time beside its hashing.
        begun = await self.row(
            f"""WITH person AS (
                    SELECT user_id, last_login_at FROM users
                    WHERE user_id = :user_id
                      AND (CAST(:password_hash AS text) IS NULL OR is_active AND password_hash = :password_hash)
                    FOR UPDATE
                ), begun AS (
                    INSERT INTO sessions (tenant_id, session_id, user_id, created_at, last_used_at, expires_at,
                                          previous_login_at, source, user_agent)
                    SELECT :tenant_id, :session_id, user_id, :created_at, :created_at, :session_expires_at,
                           last_login_at, :source, :user_agent
                    FROM person
                ), first_token AS (
                    INSERT INTO refresh_tokens ({_REFRESH_COLUMNS}) SELECT {_REFRESH_VALUES} FROM person
                ), told AS (
                    INSERT INTO audit_events ({EVENT_COLUMNS}) SELECT {EVENT_VALUES} FROM person
                )
                UPDATE users SET last_login_at = :created_at FROM person WHERE users.user_id = person.user_id
                RETURNING users.user_id""",  # noqa: S608
            **values,
            **vars(token),
            user_id=session.user_id,
            password_hash=password_hash,
            created_at=session.created_at,
            session_id=session.session_id,
            session_expires_at=session.expires_at,
        )
        return begun is not None

    async def go_on(
        self, used: PresentedToken, successor_key: bytes, token: RefreshToken, expires_at: datetime
    ) -> None:
        """Marks a token as used and records its successor, and that the session was used, which keeps it alive.

        From now on the token before the used one gives its successor to nobody.
        """
        await self.run(
            f"""WITH earlier AS (
                    UPDATE refresh_tokens SET successor_key = NULL
                    WHERE family_id = :family_id AND successor_key IS NOT NULL
                ), used AS (
                    UPDATE refresh_tokens SET used_at = :issued_at, successor_key = :successor_key
                    WHERE token_id = :used_id
                ), kept AS (
                    UPDATE sessions SET last_used_at = :issued_at, expires_at = :session_expires_at
                    WHERE session_id = :session_id
                )
                INSERT INTO refresh_tokens ({_REFRESH_COLUMNS}) VALUES ({_REFRESH_VALUES})""",  # noqa: S608
            **vars(token),
            tenant_id=self.tenant_id,
            session_id=used.session_id,
            session_expires_at=expires_at,
            used_id=used.token_id,
            successor_key=successor_key,
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
