"""What ingest erases of a tenant that leaves: jobs, records, and the whole of its lake."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from service_runtime.erasure import TenantRows
from service_runtime.lake import Lake

from ingest_service.spool import Spool


class Erasure:
    """Erases in an order in which nothing can come back: what writes, what is copied, then the copies."""

    def __init__(self, rows: TenantRows, open_lake: Callable[[UUID], Lake], spool: Spool) -> None:
        self._rows = rows
        self._open_lake = open_lake
        self._spool = spool

    async def erase(self, tenant_id: UUID) -> tuple[int, int]:
        """Gives how many rows and how many objects there were."""
        rows = await self._rows.erase(tenant_id)
        # Running imports have removed their own files by now; those of killed ones are left, whosever they are.
        await asyncio.to_thread(self._spool.clean)
        objects = await asyncio.to_thread(self._open_lake(tenant_id).delete_below, "")
        return rows, objects
