"""The rpc of AuditIntakeService: what happened in other services."""

from typing import Any

from atalaya.auth.v1 import audit_pb2
from atalaya.auth.v1.audit_pb2_grpc import AuditIntakeServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller

from auth_service import convert_programs as convert
from auth_service.audit_intake import AuditIntake


class AuditIntakeServicer(AuditIntakeServiceServicer):
    """Adds what happened in the calling service."""

    def __init__(self, intake: AuditIntake) -> None:
        self._intake = intake

    async def RecordAuditEvent(
        self, request: audit_pb2.RecordAuditEventRequest, context: ServicerContext[Any, Any]
    ) -> audit_pb2.RecordAuditEventResponse:
        await self._intake.record(caller(), convert.to_audit_event(request.event))
        return audit_pb2.RecordAuditEventResponse()
