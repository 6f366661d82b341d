"""What tenants have set as benefits of segments, and the news of it to every process."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
import structlog
from service_runtime.background import end_task
from service_runtime.database import Database, Session
from sqlalchemy import text

_CHANNEL = "rfm_benefits"
_FIND = text("SELECT segmento, beneficios FROM rfm_benefits")
_SET = text(
    "INSERT INTO rfm_benefits (tenant_id, segmento, beneficios) VALUES (:tenant_id, :segmento, :beneficios) "
    "ON CONFLICT (tenant_id, segmento) DO UPDATE SET beneficios = EXCLUDED.beneficios"
)
_TELL = text("SELECT pg_notify(:channel, CAST(:tenant_id AS text))")
# So often the connection is asked whether it still is one, and so long the answer may take.
_LISTEN_SECONDS = 2.0
_BEGIN_ANEW_SECONDS = 1.0
_log = structlog.stdlib.get_logger("analytics_service.benefits")


class BenefitStore:
    """The table rfm_benefits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID) -> dict[str, tuple[str, ...]]:
        """What the tenant has set, by segment."""
        async with self._database.tenant_session(tenant_id) as session:
            return {row.segmento: tuple(row.beneficios) for row in await session.execute(_FIND)}

    async def set(self, session: Session, tenant_id: UUID, segmento: str, beneficios: Sequence[str]) -> None:
        """Sets them, and tells every process once the session's transaction commits."""
        values = {"tenant_id": tenant_id, "segmento": segmento, "beneficios": list(beneficios)}
        await session.execute(_SET, values)
        await session.execute(_TELL, {"channel": _CHANNEL, "tenant_id": tenant_id})


class BenefitNews:
    """Hears of what any process has set, over a connection of its own; while it hears, what is kept is the newest."""

    def __init__(self, database_url: str, heard: Callable[[UUID | None], None]) -> None:
        """`heard` is told whose benefits are new; None: anybody's may be."""
        self._database_url, self._heard = database_url, heard
        self._task: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[psycopg.AsyncConnection[tuple[object, ...]]] | None = None
        self.is_listening = False

    def start(self) -> None:
        """Begins to listen, where it does not yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen_again())

    async def close(self) -> None:
        connecting = self._connecting
        if connecting is not None:
            # One that is cut off while it is made would stay open.
            await asyncio.wait([connecting])
        await end_task(self._task)
        if connecting is not None and connecting.exception() is None:
            await connecting.result().close()

    async def _listen_again(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("news of benefits are not heard; each reply reads them anew", error=str(error))
            finally:
                self.is_listening = False
                self._heard(None)
            await asyncio.sleep(_BEGIN_ANEW_SECONDS)

    async def _listen(self) -> None:
        connect = psycopg.AsyncConnection.connect(
            self._database_url, autocommit=True, connect_timeout=5, application_name="atalaya"
        )
        self._connecting = asyncio.create_task(connect)
        async with await asyncio.shield(self._connecting) as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            self._heard(None)
            self.is_listening = True
            while True:
                async for news in connection.notifies(timeout=_LISTEN_SECONDS):
                    self._heard(UUID(news.payload))
                # A network that swallows everything is noticed here.
                await asyncio.wait_for(connection.execute("SELECT"), _LISTEN_SECONDS)
