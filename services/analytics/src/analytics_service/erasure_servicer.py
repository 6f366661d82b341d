"""The rpc of ErasureService: a tenant leaves."""

from typing import Any

from atalaya.tenancy.v1 import erasure_pb2, erasure_pb2_grpc
from service_runtime.identity import caller

from analytics_service.erasure import Erasure


class ErasureServicer(erasure_pb2_grpc.ErasureServiceServicer):
    """Erases what is kept of the tenant that the calling service's token is for."""

    def __init__(self, erasure: Erasure) -> None:
        self._erasure = erasure

    async def EraseTenant(
        self, request: erasure_pb2.EraseTenantRequest, context: Any
    ) -> erasure_pb2.EraseTenantResponse:
        rows, objects = await self._erasure.erase(caller().tenant_id)
        return erasure_pb2.EraseTenantResponse(rows=rows, objects=objects)
