"""The service's PostgreSQL database: sessions that are one transaction each and see one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from service_runtime.connection_loss import as_unavailable

# What stores are given: one connection, from BEGIN to COMMIT.
Session: TypeAlias = AsyncConnection
Driver: TypeAlias = psycopg.AsyncConnection[tuple[object, ...]]

# What a worker's task is, at most 63 characters: its transactions carry it as their application_name, so that they can
# be told, and ended, from outside.
session_purpose: ContextVar[str] = ContextVar("session_purpose", default="")


def engine_url(url: str) -> URL:
    """Takes a libpq URL (postgresql://…) and gives SQLAlchemy's for psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg")


def driver_of(session: Session) -> Driver:
    """Gives the driver's connection inside a session's transaction: for COPY, and where a statement may take less time.

    PostgreSQL refuses COPY FROM into a table with row-level security: copy to a temporary table, then insert.
    """
    connected = session.sync_connection
    driver = connected.connection.driver_connection if connected is not None else None
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError(f"expected a psycopg connection, not {type(driver).__name__}")
    return driver


class Database:
    """A pool of connections with the service's own role, which owns nothing."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        if not url:
            raise SystemExit("DATABASE_URL must be set: the service keeps its records there.")
        self._pool_size = pool_size
        self._is_closed = False
        self._engine = create_async_engine(
            engine_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            # Transactions begin and end below, in as few round trips as there can be.
            isolation_level="AUTOCOMMIT",
            # An error's text goes to the log, and a statement's values may be hashes of passwords.
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "atalaya"},
        )

    @asynccontextmanager
    async def tenant_session(self, tenant_id: UUID, *, waits_for_disk: bool = True) -> AsyncIterator[Session]:
        """Begins a transaction that sees one tenant's rows; commits at the end, rolls back on an error.

        One that does not wait for the disk may be lost with the machine, within a second of its end.
        """
        # LOCAL makes it end with the transaction, so nothing leaks to the pool's next user.
        begin = f"BEGIN; SET LOCAL app.tenant_id = '{UUID(str(tenant_id))}'"
        if purpose := session_purpose.get():
            begin += f"; SET LOCAL application_name = {sql.Literal(purpose).as_string(None)}"
        if not waits_for_disk:
            begin += "; SET LOCAL synchronous_commit = off"
        async with self._transaction(begin) as session:
            yield session

    @asynccontextmanager
    async def system_session(self) -> AsyncIterator[Session]:
        """Begins a transaction without a tenant: row-level security hides every tenant's rows from it."""
        async with self._transaction("BEGIN") as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Session]:
        try:
            # Who leaves without a COMMIT is rolled back by the pool.
            async with self._engine.connect() as session:
                driver: Driver | None = None
                try:
                    driver = await self._begin(session, begin.encode())
                    yield session
                    await driver.execute(b"COMMIT", prepare=False)
                finally:
                    if self._is_closed or (driver is not None and driver.closed):
                        # Or the pool would try to roll it back; one that was disposed of would leave it open for ever.
                        await session.invalidate()
        except Exception as error:
            lost = as_unavailable(error)
            if lost is None:
                raise
            raise lost from error

    async def _begin(self, session: Session, begin: bytes) -> Driver:
        """Begins the transaction. This finds connections that died while nobody used them, which others replace."""
        dead = 0
        while True:
            driver = driver_of(session)
            try:
                # Not prepared: each tenant's text would push a statement out that is worth it.
                await driver.execute(begin, prepare=False)
            except psycopg.OperationalError:
                # So many may have died together; the one after them is new.
                if not driver.closed or dead == self._pool_size:
                    raise
                dead += 1
                await session.invalidate()
                await session.get_raw_connection()
            else:
                return driver

    async def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        async with self.system_session() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes what nobody uses now; what is under way goes on and closes its connection at its end."""
        self._is_closed = True
        await self._engine.dispose()
