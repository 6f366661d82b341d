"""Taking in what happened in other services."""

import structlog
from service_runtime.errors import InvalidArgument, PermissionDenied
from service_runtime.identity import Identity

from auth_service.accounts import AuditEvent
from auth_service.audit import FAILED, OK
from auth_service.store import Store

_SERVICE = "service:"
_log = structlog.stdlib.get_logger("auth_service.audit_intake")


class AuditIntake:
    """Adds events of a service to the trail of its token's tenant, each once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, caller: Identity, event: AuditEvent) -> None:
        """Adds an event; one that is there already stays as it is."""
        service = caller.subject.removeprefix(_SERVICE)
        # What people and tenants do is auth's to say, and a broken-into service must not lay its deeds on another.
        if not event.action.startswith(f"{service}."):
            raise PermissionDenied(
                "AUDIT_ACTION_FOREIGN", f"{service} may only tell of actions that begin with its name."
            )
        if event.outcome not in (OK, FAILED):
            raise InvalidArgument("BAD_AUDIT_EVENT", "outcome must be OK or FAILED.")
        async with self._store.tenant(caller.tenant_id) as records:
            if await records.hold_tenant():
                await records.add_audit_event(event)
                return
        # The tenant was erased while its event was under way; of an erased tenant nothing is kept.
        _log.info("an event of no tenant was dropped", tenant_id=str(caller.tenant_id), action=event.action)
