"""The ended sessions that every service must hear of."""

from collections.abc import Sequence
from datetime import datetime

from service_runtime.revocations import Revocation
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession


class RevocationRecords:
    """A transaction that sees which sessions ended, in all tenants, and nothing else."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take_untold(self) -> list[Revocation]:
        """Gives what nobody was told yet; it counts as told when the transaction succeeds."""
        statement = "UPDATE revocations SET is_told = true WHERE NOT is_told RETURNING session_id, until"
        return _revocations((await self._session.execute(text(statement))).mappings().all())

    async def living(self, now: datetime) -> list[Revocation]:
        """Gives all whose access tokens may not have expired yet."""
        statement = "SELECT session_id, until FROM revocations WHERE until > :now"
        return _revocations((await self._session.execute(text(statement), {"now": now})).mappings().all())

    async def forget(self, now: datetime) -> None:
        """Drops those whose access tokens have all expired."""
        await self._session.execute(text("DELETE FROM revocations WHERE until <= :now"), {"now": now})


def _revocations(rows: Sequence[RowMapping]) -> list[Revocation]:
    return [Revocation(str(row["session_id"]), row["until"].timestamp()) for row in rows]
