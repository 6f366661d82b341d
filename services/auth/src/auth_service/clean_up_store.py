"""Records of all tenants that are dead for good."""

from service_runtime.database import Session
from sqlalchemy import text

KINDS = ("sessions", "refresh_tokens", "password_resets", "invitations", "jobs", "login_attempts")


class DeadRecords:
    """A transaction that can delete what is dead. What that is says the database itself, by its own clock."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def delete(self, kind: str, most: int) -> int:
        """Deletes some records of a kind; gives how many."""
        deleted = await self._session.execute(text(f"SELECT delete_dead_{kind}(:most)"), {"most": most})
        return int(deleted.scalar_one())
