"""The service's PostgreSQL database: sessions that are one transaction each and see one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from uuid import UUID

import psycopg
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service_runtime.connection_loss import as_unavailable

_SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant_id, true)")
_SET_PURPOSE = text("SELECT set_config('application_name', :purpose, true)")

# What a worker's task is, at most 63 characters: its transactions carry it as their application_name, so that they can
# be told, and ended, from outside.
session_purpose: ContextVar[str] = ContextVar("session_purpose", default="")


def engine_url(url: str) -> URL:
    """Takes a libpq URL (postgresql://…) and gives SQLAlchemy's for psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg")


class Database:
    """A pool of connections with the service's own role, which owns nothing."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self._engine = create_async_engine(
            engine_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            # An error's text goes to the log, and a statement's values may be hashes of passwords.
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "atalaya"},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def tenant_session(self, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        """Begins a transaction that sees one tenant's rows; commits at the end, rolls back on an error."""
        async with self.system_session() as session:
            # The third argument makes it end with the transaction, so nothing leaks to the pool's next user.
            await session.execute(_SET_TENANT, {"tenant_id": str(UUID(str(tenant_id)))})
            if purpose := session_purpose.get():
                await session.execute(_SET_PURPOSE, {"purpose": purpose})
            yield session

    @asynccontextmanager
    async def system_session(self) -> AsyncIterator[AsyncSession]:
        """Begins a transaction without a tenant: row-level security hides every tenant's rows from it."""
        try:
            async with self._sessions() as session, session.begin():
                yield session
        except Exception as error:
            lost = as_unavailable(error)
            if lost is None:
                raise
            raise lost from error

    async def driver_connection(self, session: AsyncSession) -> psycopg.AsyncConnection[tuple[object, ...]]:
        """Gives the driver's connection inside a session's transaction, for COPY.

        PostgreSQL refuses COPY FROM into a table with row-level security: copy to a temporary table, then insert.
        """
        connection = await session.connection()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if not isinstance(driver, psycopg.AsyncConnection):
            raise TypeError(f"expected a psycopg connection, not {type(driver).__name__}")
        return driver

    async def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        async with self.system_session() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()
