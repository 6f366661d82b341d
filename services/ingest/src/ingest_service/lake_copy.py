"""Keeps the lake's copy of the records equal to them: what changed there is written anew."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database
from service_runtime.lake import Lake

from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_store import LakeStore, Partition
from ingest_service.lake_tables import LAKE_TABLES, LakeTable, NewPart, OpenTable, write_parts
from ingest_service.record_kinds import RECORD_KINDS

# A commit holds no more partitions than that.
_PARTITIONS = 1000


class LakeCopy:
    """Writes stale partitions. Repeating is safe, whatever a killed worker left: the content comes from the record."""

    def __init__(self, database: Database, store: LakeStore, open_lake: Callable[[UUID], Lake]) -> None:
        self._database = database
        self._store = store
        self._changes = LakeChanges()
        self._open_lake = open_lake

    async def bring_up_to_date(self, tenant_id: UUID, kind_name: str, folder: Path) -> AsyncIterator[float]:
        """Copies all that is stale; gives the share done after each account."""
        kind, table = RECORD_KINDS[kind_name], LAKE_TABLES[kind_name]
        lake = self._open_lake(tenant_id)
        async with self._database.tenant_session(tenant_id) as session:
            await self._store.lock(session, tenant_id, kind)
            stale = await self._store.stale(session, kind)
            if not stale:
                return
            driver = await self._database.driver_connection(session)
            done = 0
            # Opened before anything is read, under the lock: where another copy commits first, this one cannot.
            opened = await asyncio.to_thread(OpenTable, lake, table)
            for start in range(0, len(stale), _PARTITIONS):
                group = stale[start : start + _PARTITIONS]
                parts: list[NewPart] = []
                # One account is written while the next is read out of the record.
                writing: asyncio.Task[list[NewPart]] | None = None
                try:
                    for number, (_, partitions) in enumerate(groupby(group, lambda partition: partition.username)):
                        here = list(partitions)
                        exported = folder / f"account-{number}.csv"
                        await self._store.export(driver, kind, table.columns.names, here, exported)
                        parts += await writing if writing else []
                        writing = asyncio.create_task(asyncio.to_thread(_written, lake, table, here, exported, folder))
                        done += len(here)
                        yield done / len(stale)
                    parts += await writing if writing else []
                finally:
                    await asyncio.gather(*([writing] if writing else []), return_exceptions=True)
                await asyncio.to_thread(opened.replace, parts)
            await asyncio.to_thread(opened.clean)
            await self._changes.take_turn(session, tenant_id)
            await self._store.mark_copied(session, kind, stale)


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
