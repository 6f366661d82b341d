"""The rpc of AuditService: the trail, as admins read it."""

from typing import Any

from atalaya.auth.v1 import audit_pb2
from atalaya.auth.v1.audit_pb2_grpc import AuditServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.paging import PageTokens, page_size

from auth_service import convert_programs as convert
from auth_service.audit_reading import AuditReading


class AuditServicer(AuditServiceServicer):
    """Reads the trail of the caller's tenant."""

    def __init__(self, reading: AuditReading, pages: PageTokens) -> None:
        self._reading = reading
        self._pages = pages

    async def ListAuditEvents(
        self, request: audit_pb2.ListAuditEventsRequest, context: ServicerContext[Any, Any]
    ) -> audit_pb2.ListAuditEventsResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        wanted = convert.to_audit_query(request)
        query = {"list": "audit-events", **vars(wanted)}
        position = self._pages.decode(request.page_token, tenant_id, query, convert.to_place)
        found = await self._reading.page(caller(), wanted, position, size + 1)
        token = self._pages.encode(tenant_id, query, convert.from_place(found[size - 1])) if len(found) > size else ""
        return audit_pb2.ListAuditEventsResponse(
            events=[convert.from_audit_event(event) for event in found[:size]], next_page_token=token
        )
