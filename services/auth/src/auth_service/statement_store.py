"""Statements with :names in a session's transaction, run by the driver itself."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from psycopg import AsyncCursor
from psycopg.rows import dict_row
from service_runtime.database import Session, driver_of
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Row: TypeAlias = Mapping[str, Any]

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Statements:
    """What every transaction of auth is made of."""

    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    async def row(self, statement: str, **values: object) -> Row | None:
        """Gives the one row that there is at most."""
        (row,) = await self.rows(statement, **values) or (None,)
        return row

    async def rows(self, statement: str, **values: object) -> Sequence[Row]:
        return await (await self._executed(statement, values)).fetchall()

    async def run(self, statement: str, **values: object) -> None:
        await self._executed(statement, values)

    async def _executed(self, statement: str, values: Row) -> AsyncCursor[dict[str, Any]]:
        # SQLAlchemy would take three times as long again, and a log-in has little time beside its hashing.
        cursor = self._driver.cursor(row_factory=dict_row)
        return await cursor.execute(_for_driver(statement), values)


@lru_cache(512)
def _for_driver(statement: str) -> bytes:
    """Writes a statement's names as the driver wants them. That takes longer than sending it, and there are few."""
    return str(text(statement).compile(dialect=_DIALECT)).encode()
