"""Looks at the lakes of tenants that use RFM, so that new purchases are scored before anybody asks."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import structlog
from service_runtime.errors import NotFound, ServiceError

from analytics_service.rfm_publishing import RfmPublishing
from analytics_service.rfm_table_store import RfmTableStore

_log = structlog.stdlib.get_logger("analytics_service.rfm")

# Gives the version of the purchases that are there now.
VersionOf: TypeAlias = Callable[[UUID], Awaitable[str]]


class RfmClock:
    """Queues a refresh where the lake holds another version than the one that is kept; every worker looks."""

    def __init__(
        self,
        store: RfmTableStore,
        publishing: RfmPublishing,
        version_of: VersionOf,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._publishing = store, publishing
        self._version_of, self._now = version_of, now
        # What the last job of each tenant was queued for: one that failed is not queued for the same again.
        self._queued: dict[UUID, tuple[str, datetime | None]] = {}

    async def look(self) -> int:
        """Looks at every tenant once; gives how many jobs it has queued."""
        queued = 0
        tenants = await self._store.tenants()
        self._queued = {tenant: self._queued[tenant] for tenant in tenants if tenant in self._queued}
        for tenant_id in tenants:
            try:
                queued += await self._look_at(tenant_id)
            except NotFound:
                # Its purchases are gone; so nothing is new.
                continue
            except ServiceError as error:
                # The others are not held up.
                _log.warning("purchases cannot be looked at", tenant_id=str(tenant_id), reason=error.reason)
        return queued

    async def _look_at(self, tenant_id: UUID) -> bool:
        version, known = await self._version_of(tenant_id), await self._publishing.newest(tenant_id)
        if known is not None and known.version == version and known.holds(self._now()):
            return False
        wanted = (version, known.until if known else None)
        if self._queued.get(tenant_id) == wanted:
            return False
        self._queued[tenant_id] = wanted
        return await self._publishing.queue(tenant_id)
