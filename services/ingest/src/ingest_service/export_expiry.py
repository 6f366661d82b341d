"""Removes the files of exports whose time is over."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from service_runtime.database import Database
from service_runtime.lake import Lake

from ingest_service.export_files import export_path
from ingest_service.export_store import ExportStore


class ExportExpiry:
    """A side task of the worker; doing it twice, or too early, does no harm."""

    def __init__(self, database: Database, store: ExportStore, open_lake: Callable[[UUID], Lake]) -> None:
        self._database = database
        self._store = store
        self._open_lake = open_lake

    async def remove_expired(self, tenant_id: UUID) -> None:
        """Removes all files of a tenant that are due."""
        async with self._database.tenant_session(tenant_id) as session:
            expired = await self._store.expired(session)
        lake = self._open_lake(tenant_id)
        for export_id, format_name in expired:
            await asyncio.to_thread(lake.delete, export_path(export_id, format_name))
            async with self._database.tenant_session(tenant_id) as session:
                await self._store.note_removed(session, export_id)
