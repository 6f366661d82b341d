"""Lets the lake follow single changes of the records: the worker's task that copies what was noted."""

from uuid import UUID

from service_runtime.database import Database

from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_copy import LakeCopy
from ingest_service.record_kinds import RECORD_KINDS
from ingest_service.spool import Spool


class LakeFollower:
    """Copies a tenant's changed partitions; repeating is safe."""

    def __init__(self, database: Database, changes: LakeChanges, lake_copy: LakeCopy, spool: Spool) -> None:
        self._database = database
        self._changes = changes
        self._lake_copy = lake_copy
        self._spool = spool

    async def follow(self, tenant_id: UUID) -> None:
        async with self._database.tenant_session(tenant_id) as session:
            await self._changes.begin(session)
        with self._spool.folder() as folder:
            for kind in RECORD_KINDS:
                async for _ in self._lake_copy.bring_up_to_date(tenant_id, kind, folder):
                    pass
