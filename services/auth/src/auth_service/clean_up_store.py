"""Records of all tenants that are dead for good."""

from auth_service.statement_store import Statements

KINDS = ("sessions", "refresh_tokens", "password_resets", "invitations", "jobs", "login_attempts")


class DeadRecords(Statements):
    """A transaction that can delete what is dead. What that is says the database itself, by its own clock."""

    async def delete(self, kind: str, most: int) -> int:
        """Deletes some records of a kind; gives how many."""
        row = await self.row(f"SELECT delete_dead_{kind}(:most) AS deleted", most=most)
        return 0 if row is None else int(row["deleted"])
