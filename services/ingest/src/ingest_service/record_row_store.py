"""Single rows of posts and metrics in PostgreSQL, inside the caller's transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from service_runtime.database import Session
from service_runtime.errors import Unavailable
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ingest_service.counter_store import take_numbers
from ingest_service.record_kinds import RecordKind

Row = Mapping[str, Any]
# An import that has written the same record holds it to its own end; nobody is made to wait for that.
_LONGEST_WAIT = text("SET LOCAL lock_timeout = '3s'")


@contextmanager
def no_long_wait() -> Iterator[None]:
    """Says RECORD_BUSY where a change meets an import that is writing the very same record."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.UniqueViolation):
            raise
        raise Unavailable(
            "RECORD_BUSY", "An import is writing this record at the moment; try again.", retry_after=5
        ) from error


class RecordRowStore:
    """Rows of the session's tenant, found by their number or by their key."""

    async def take_turn(self, session: Session, tenant_id: UUID, kind: RecordKind) -> None:
        """Waits for other single changes of the tenant's records of the kind, and lets none be until the end; imports
        go on meanwhile."""
        await session.execute(_LONGEST_WAIT)
        await take_numbers(session, tenant_id, kind.name, 0)

    async def by_number(
        self, session: Session, kind: RecordKind, id_usuario: int, number: int, *, hold: bool = False
    ) -> Row | None:
        """Gives an account's row; where it is held, no import changes it until the session's end."""
        where = f"id_usuario = :id_usuario AND {kind.number} = :number{' FOR UPDATE' if hold else ''}"
        return await self._one(session, kind, where, {"id_usuario": id_usuario, "number": number})

    async def by_key(self, session: Session, kind: RecordKind, row: Row) -> Row | None:
        """Gives the row that has the same key."""
        return await self._one(session, kind, " AND ".join(f"{name} = :{name}" for name in kind.key), row)

    async def insert(self, session: Session, tenant_id: UUID, kind: RecordKind, row: Row) -> Row:
        """Adds a row under the next number."""
        number = await take_numbers(session, tenant_id, kind.name, 1) + 1
        columns = (kind.number, *kind.columns)
        statement = text(
            f"INSERT INTO {kind.name} (tenant_id, {', '.join(columns)}) "  # noqa: S608
            f"VALUES (:tenant_id, {', '.join(f':{name}' for name in columns)}) RETURNING {', '.join(columns)}"
        )
        values = {**row, "tenant_id": tenant_id, kind.number: number}
        return dict((await session.execute(statement, values)).mappings().one())

    async def update(self, session: Session, kind: RecordKind, number: int, row: Row) -> Row:
        """Gives the row with this number these values, its key among them."""
        columns = (kind.number, *kind.columns)
        changes = ", ".join(f"{name} = :{name}" for name in kind.columns)
        statement = text(
            f"UPDATE {kind.name} SET {changes} WHERE {kind.number} = :number "  # noqa: S608
            f"RETURNING {', '.join(columns)}"
        )
        return dict((await session.execute(statement, {**row, "number": number})).mappings().one())

    async def delete(self, session: Session, kind: RecordKind, number: int) -> None:
        statement = text(f"DELETE FROM {kind.name} WHERE {kind.number} = :number")  # noqa: S608
        await session.execute(statement, {"number": number})

    async def _one(self, session: Session, kind: RecordKind, where: str, values: Row) -> Row | None:
        columns = ", ".join((kind.number, *kind.columns))
        found = await session.execute(text(f"SELECT {columns} FROM {kind.name} WHERE {where}"), values)  # noqa: S608
        row = found.mappings().one_or_none()
        return dict(row) if row is not None else None
