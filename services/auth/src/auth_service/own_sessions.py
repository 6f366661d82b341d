"""People's own sessions: which there are, and their end."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from service_runtime.errors import NotFound
from service_runtime.identity import Identity

from auth_service.accounts import Origin, SeenSession
from auth_service.audit import OK, AuditTrail
from auth_service.names import as_uuid
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.tokens import refresh_token_hash


class OwnSessions:
    """What the caller may know and do about sessions: those of their own, nobody else's."""

    def __init__(self, store: Store, sessions: Sessions, audit: AuditTrail, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    async def page(self, caller: Identity, before: UUID | None, limit: int) -> list[SeenSession]:
        """Gives living sessions, newest first; a program has none."""
        user_id = as_uuid(caller.subject)
        if user_id is None:
            return []
        async with self._store.tenant(caller.tenant_id) as records:
            return await records.living_sessions(user_id, self._clock(), before, limit)

    async def log_out(self, caller: Identity, refresh_token: str, origin: Origin) -> None:
        """Ends the caller's session, and that of a refresh token where it is the caller's too; a program has none."""
        async with self._store.tenant(caller.tenant_id) as records:
            # A program's names its key, which goes on.
            ending = {as_uuid(caller.session_id)} if caller.kind == "person" else set()
            presented = await records.presented_token(refresh_token_hash(refresh_token)) if refresh_token else None
            if presented is not None and str(presented.bearer.user_id) == caller.subject:
                ending.add(presented.session_id)
            # In one order for everybody, or two transactions could wait for each other.
            for session_id in sorted(session_id for session_id in ending if session_id is not None):
                await self._sessions.end(records, session_id)
                resource = f"sessions/{session_id}"
                await self._audit.record(records, "user.logout", OK, origin, actor=caller.subject, resource=resource)

    async def end(self, caller: Identity, session_id: UUID, origin: Origin) -> None:
        """Ends one of the caller's sessions."""
        user_id = as_uuid(caller.subject)
        async with self._store.tenant(caller.tenant_id) as records:
            if user_id is None or not await records.holds_session(user_id, session_id, self._clock()):
                raise NotFound("SESSION_NOT_FOUND", "There is no such session.")
            await self._sessions.end(records, session_id)
            resource = f"sessions/{session_id}"
            await self._audit.record(records, "session.end", OK, origin, actor=caller.subject, resource=resource)
