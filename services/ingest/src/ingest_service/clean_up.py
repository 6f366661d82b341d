"""Removes at night what nobody needs any more: files of imports and exports, rejected rows whose time is over."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from service_runtime.database import Database
from service_runtime.lake import Lake, StoredObject

from ingest_service import export_files, import_files
from ingest_service.clean_up_store import CleanUpStore

# A file that no import or export has is of a process that died between the two; none takes that long.
_ORPHAN = timedelta(days=1)
_AT_ONCE = 200
_IMPORTS_AT_ONCE = 20


@dataclass(frozen=True)
class Retention:
    """How long things stay behind the end of their job."""

    files: timedelta
    rejected_rows: timedelta


class CleanUp:
    """A side task of the worker; doing it twice does no harm. It looks only where ingest itself keeps such files."""

    def __init__(
        self,
        database: Database,
        store: CleanUpStore,
        open_lake: Callable[[UUID], Lake],
        retention: Retention,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._store = store
        self._open_lake = open_lake
        self._retention = retention
        self._clock = clock

    async def clean(self, tenant_id: UUID) -> None:
        """Removes what is due of a tenant, and queues the next time."""
        moment = self._clock()
        async with self._database.tenant_session(tenant_id) as session:
            timezone = await self._store.due(session, moment)
        if timezone is None:
            return
        lake = self._open_lake(tenant_id)
        await self._uploads(tenant_id, lake, moment)
        await self._exports(tenant_id, lake, moment)
        await self._rejected_rows(tenant_id, moment - self._retention.rejected_rows)
        async with self._database.tenant_session(tenant_id) as session:
            await self._store.expect_next(session, tenant_id, timezone, moment)

    async def _uploads(self, tenant_id: UUID, lake: Lake, moment: datetime) -> None:
        for files in _by_id(await asyncio.to_thread(lake.list, import_files.FOLDER)):
            async with self._database.tenant_session(tenant_id) as session:
                over = await self._store.end_uploads(session, list(files), moment - self._retention.files)
                unknown = await self._store.unknown_uploads(session, list(files))
            # Only now, so that no job is tried again whose file is gone.
            for import_id, file in files.items():
                if import_id in over or (import_id in unknown and file.modified <= moment - _ORPHAN):
                    await asyncio.to_thread(lake.delete, file.path)

    async def _exports(self, tenant_id: UUID, lake: Lake, moment: datetime) -> None:
        for files in _by_id(await asyncio.to_thread(lake.list, export_files.FOLDER)):
            async with self._database.tenant_session(tenant_id) as session:
                over = await self._store.hold_exports(session, list(files), moment)
                for export_id, file in files.items():
                    if over.get(export_id, file.modified <= moment - _ORPHAN):
                        await asyncio.to_thread(lake.delete, file.path)

    async def _rejected_rows(self, tenant_id: UUID, before: datetime) -> None:
        forgotten = _IMPORTS_AT_ONCE
        while forgotten == _IMPORTS_AT_ONCE:
            async with self._database.tenant_session(tenant_id) as session:
                forgotten = await self._store.forget_rejections(session, before, _IMPORTS_AT_ONCE)
        async with self._database.tenant_session(tenant_id) as session:
            await self._store.forget_left_out(session, before)


def _by_id(found: list[StoredObject]) -> Iterator[dict[UUID, StoredObject]]:
    """Gives files by the id in their name, some at a time; others are not ours to remove."""
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        yield {key: file for file in some if (key := import_files.id_in(file.path)) is not None}
