"""Reading the audit trail of the caller's tenant."""

from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity

from auth_service.accounts import AuditEvent
from auth_service.audit_store import AuditQuery, Place
from auth_service.store import Store


class AuditReading:
    """Finds events; nobody changes one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, caller: Identity, query: AuditQuery, before: Place | None, limit: int) -> list[AuditEvent]:
        """Gives events, newest first."""
        if query.start is not None and query.end is not None and query.start > query.end:
            raise InvalidArgument("TIME_RANGE_REVERSED", "start_time is after end_time.")
        async with self._store.tenant(caller.tenant_id) as records:
            return await records.audit_events(query, before, limit)
