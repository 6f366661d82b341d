"""Carries erasures out, however long a service is away: what is to be done stands in the database until it is done."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from service_runtime.erasure import TenantRows
from service_runtime.errors import Unavailable

from auth_service.accounts import Origin
from auth_service.audit import OK, AuditTrail
from auth_service.erasures import Erased, Erasure, Sweep
from auth_service.store import Store

LOOK_EVERY_SECONDS = 2
# Longer than any sweep takes; then its worker is taken for dead.
_HELD = timedelta(minutes=3)
# The trail goes by a function of its own, and API keys, which are never deleted otherwise, with the tenant.
_APART = ("audit_events", "api_keys")

_log = structlog.stdlib.get_logger("auth_service.erasing")


class TenantServices(Protocol):
    """The services that keep something of tenants."""

    async def erase(self, tenant_id: UUID) -> Sweep:
        """Asks each to erase a tenant."""


class Counters(Protocol):
    """What counts calls by tenant."""

    async def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's counters."""


class Erasing:
    """Looks for erasures that are due. Several workers may do so at once, and each erasure has one of them."""

    def __init__(
        self,
        store: Store,
        rows: TenantRows,
        services: TenantServices,
        audit: AuditTrail,
        *,
        counters: Counters | None = None,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._rows = rows
        self._services = services
        self._audit = audit
        self._counters = counters
        self._clock = clock

    async def look(self) -> None:
        """Sweeps until no erasure is due; one that cannot be carried on stays due."""
        while await self.go_on() is not None:
            pass

    async def go_on(self) -> Erasure | None:
        """Makes one sweep for an erasure that is due; gives how that stands now, or None where none is due."""
        now = self._clock()
        async with self._store.erasures() as records:
            erasure = await records.take_due(now, now + _HELD)
        if erasure is None or erasure.leaving is None:
            return None
        sweep = await self._services.erase(erasure.leaving)
        if not sweep.away:
            sweep = await self._with_own(erasure.leaving, sweep.erased)
        return await self._settle(erasure, erasure.leaving, sweep)

    async def _with_own(self, tenant_id: UUID, erased: Erased) -> Sweep:
        """Erases auth's own records, when all the others have erased theirs."""
        async with self._store.tenant(tenant_id) as records:
            # Whoever made it active again meanwhile must not stop this half-way.
            await records.deactivate_tenant()
            rows = await records.erase_audit()
            addresses = await records.addresses()
        async with self._store.erasures() as records_of_nobody:
            rows += await records_of_nobody.drop_mails(addresses)
        try:
            rows += await self._rows.erase(tenant_id, apart=_APART)
        except Unavailable:
            # A mail is being sent.
            return Sweep(erased + Erased(rows), away=("auth",))
        if self._counters is not None:
            await self._counters.forget(tenant_id)
        return Sweep(erased + Erased(rows))

    async def _settle(self, erasure: Erasure, tenant_id: UUID, sweep: Sweep) -> Erasure:
        job_id = f"auth/{erasure.erasure_id}"
        async with self._store.erasures() as records:
            now_stands = erasure.after(sweep, self._clock(), is_told=await records.is_told(tenant_id))
            is_ours = await records.settle(now_stands, sweep.erased)
            if is_ours and erasure.finished_at is None and now_stands.finished_at is not None:
                # Under nobody's name: that a tenant was erased is to be proved, who it was is not to be kept.
                counts = {"rows": str(now_stands.erased_rows), "objects": str(now_stands.erased_objects)}
                await self._audit.record(records, "tenant.erased", OK, Origin(), resource=job_id, details=counts)
        _log.info("erasing", job_id=job_id, status=now_stands.status, away=sweep.away, **vars(sweep.erased))
        return now_stands
