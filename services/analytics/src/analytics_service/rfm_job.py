"""The job that brings a tenant's kept RFM table and its history up to date with the lake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from typing import Any, TypeAlias
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import NotFound
from service_runtime.jobs import JobRun

from analytics_service.rfm_move_store import RfmMoveStore
from analytics_service.rfm_publishing import RfmPublishing
from analytics_service.rfm_scoring import Scores
from analytics_service.rfm_table_store import RfmTableStore
from analytics_service.rfm_workshop import Made

# Longer ids nobody can ask for, and no index takes them.
LONGEST_ID = 200
_STANDING = ("id_cuenta", "segmento", "r", "f", "m")

# Makes the table of the files that are there now, unless that is the one known.
MakeNewer: TypeAlias = Callable[[UUID, Scores | None], Awaitable[Made | None]]


class RfmJob:
    """Takes published versions into the history, and publishes the newest where nobody has; repeating is safe."""

    def __init__(
        self,
        database: Database,
        store: RfmTableStore,
        moves: RfmMoveStore,
        publishing: RfmPublishing,
        make_newer: MakeNewer,
    ) -> None:
        self._database, self._store, self._moves = database, store, moves
        self._publishing, self._make_newer = publishing, make_newer

    async def refresh(self, run: JobRun) -> None:
        moved = await self._record_all(run)
        await run.report(progress=0.5, rows_written=moved)
        if await self._publish(run):
            moved += await self._record_all(run)
        async with self._database.tenant_session(run.tenant_id) as session:
            await run.finish(session, rows_written=moved)

    async def _publish(self, run: JobRun) -> bool:
        try:
            made = await self._make_newer(run.tenant_id, await self._publishing.newest(run.tenant_id))
        except NotFound:
            # No purchases are there any more: what is known of them stays.
            return False
        return made is not None and await self._publishing.publish_within(run, made.scores, made.content, made.age)

    async def _record_all(self, run: JobRun) -> int:
        """Gives how many customers have moved."""
        moved = 0
        while (more := await self._record_one(run)) is not None:
            moved += more
        return moved

    async def _record_one(self, run: JobRun) -> int | None:
        async with self._database.tenant_session(run.tenant_id) as session:
            await self._store.take_turn(session, run.tenant_id)
            waiting = await self._store.oldest_waiting(session)
            if waiting is None:
                return None
            moved = await self._moves.record(session, run.tenant_id, waiting.day, _standing(waiting.content))
            await self._store.mark_recorded(session, waiting.number)
            # A worker that was given up, or a tenant that has left, writes nothing.
            await run.report(session=session)
            return moved


async def _standing(content: bytes) -> AsyncIterator[list[tuple[str, str, str]]]:
    """Who is in which segment with which scores, some at a time; read beside the event loop, which beats on."""
    from pyarrow import parquet as pq

    batches = pq.ParquetFile(BytesIO(content)).iter_batches(columns=list(_STANDING))
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield await asyncio.to_thread(_rows, batch)


def _rows(batch: Any) -> list[tuple[str, str, str]]:
    columns = (batch.column(name).to_pylist() for name in _STANDING)
    return [
        (id_cuenta, segmento, f"{r}{f}{m}")
        for id_cuenta, segmento, r, f, m in zip(*columns, strict=True)
        if len(id_cuenta) <= LONGEST_ID and "\0" not in id_cuenta
    ]
