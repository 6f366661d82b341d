"""Keeps the lake's copy of the records equal to them: what changed there is written anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database, Session, driver_of
from service_runtime.lake import Lake

from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_store import LakeStore, Partition
from ingest_service.lake_tables import LAKE_TABLES, LakeTable, NewPart, OpenTable, write_parts
from ingest_service.record_kinds import RECORD_KINDS

# What is copied by one commit, besides what is under way: others wait for no more.
_SECONDS = 2.0
# Accounts whose rows are written at the same time.
_WRITING = 2
# Partitions of an account that are read at once.
_AT_ONCE = 100


class LakeCopy:
    """Writes stale partitions. Repeating is safe, whatever a killed worker left: the content comes from the record."""

    def __init__(
        self,
        database: Database,
        store: LakeStore,
        open_lake: Callable[[UUID], Lake],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._store = store
        self._changes = LakeChanges()
        self._open_lake = open_lake
        self._clock = clock

    async def bring_up_to_date(self, tenant_id: UUID, kind_name: str, folder: Path) -> AsyncIterator[float]:
        """Copies what is stale by now, commit by commit; gives the share done after each.

        Between two commits another copy of the table may come, and whatever somebody waits for goes first: so a
        single change does not wait for the million rows that an import has brought.
        """
        wanted: set[tuple[int, str]] | None = None
        most = 1
        while True:
            async with self._database.tenant_session(tenant_id) as session:
                await self._store.lock(session, tenant_id, RECORD_KINDS[kind_name])
                stale = await self._store.stale(session, RECORD_KINDS[kind_name])
                keys = {partition.key for partition in stale}
                wanted = keys if wanted is None else wanted & keys
                if not wanted:
                    return
                most = max(most, len(wanted))
                copied = await self._copy_some(session, tenant_id, kind_name, stale, folder)
            wanted -= {partition.key for partition in copied}
            yield 1 - len(wanted) / most

    async def _copy_some(
        self, session: Session, tenant_id: UUID, kind_name: str, stale: Sequence[Partition], folder: Path
    ) -> list[Partition]:
        """Copies the first of these partitions, as many as a commit may take the time for; gives them."""
        kind, table, lake = RECORD_KINDS[kind_name], LAKE_TABLES[kind_name], self._open_lake(tenant_id)
        driver = driver_of(session)
        ends_at = self._clock() + _SECONDS
        # Opened before anything is read, under the lock: where another copy commits first, this one cannot.
        opened = await asyncio.to_thread(OpenTable, lake, table)
        copied: list[Partition] = []
        parts: list[NewPart] = []
        # Some are written while the next are read out of the record.
        writing: list[asyncio.Task[list[NewPart]]] = []
        try:
            for number, some in enumerate(_by_account(stale)):
                exported = folder / f"account-{number}.csv"
                await self._store.export(driver, kind, table.columns.names, some, exported)
                if len(writing) == _WRITING:
                    parts += await writing.pop(0)
                writing.append(asyncio.create_task(asyncio.to_thread(_written, lake, table, some, exported, folder)))
                copied += some
                if self._clock() >= ends_at:
                    break
            while writing:
                parts += await writing.pop(0)
        finally:
            await asyncio.gather(*writing, return_exceptions=True)
        await asyncio.to_thread(opened.replace, parts)
        await asyncio.to_thread(opened.clean)
        await self._changes.take_turn(session, tenant_id)
        await self._store.mark_copied(session, kind, copied)
        return copied


def _by_account(stale: Sequence[Partition]) -> Iterator[list[Partition]]:
    """Gives partitions of one account each, in their order; those for which somebody waits stand alone in a commit."""
    urgent = [partition for partition in stale if partition.urgent]
    for _, partitions in groupby(urgent or stale, lambda partition: partition.username):
        here = list(partitions)
        for start in range(0, len(here), _AT_ONCE):
            yield here[start : start + _AT_ONCE]


def _written(
    lake: Lake, table: LakeTable, partitions: Sequence[Partition], exported: Path, folder: Path
) -> list[NewPart]:
    """Writes an account's partitions; those that have no rows any more are among them, without a file."""
    written = write_parts(lake, table, partitions[0].username, exported, folder)
    exported.unlink()
    there = {part.values for part in written}
    values = (_values(partition, table) for partition in partitions)
    return [*written, *(NewPart(empty, "", 0, 0) for empty in values if empty not in there)]


def _values(partition: Partition, table: LakeTable) -> tuple[str, ...]:
    return (partition.username, partition.mes)[: len(table.partitioned_by)]
