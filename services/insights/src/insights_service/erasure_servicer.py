"""The rpc of ErasureService: a tenant leaves."""

from typing import Any

from atalaya.tenancy.v1 import erasure_pb2, erasure_pb2_grpc
from service_runtime.erasure import TenantRows
from service_runtime.identity import caller


class ErasureServicer(erasure_pb2_grpc.ErasureServiceServicer):
    """Erases what is kept of the tenant that the calling service's token is for."""

    def __init__(self, rows: TenantRows) -> None:
        self._rows = rows

    async def EraseTenant(
        self, request: erasure_pb2.EraseTenantRequest, context: Any
    ) -> erasure_pb2.EraseTenantResponse:
        return erasure_pb2.EraseTenantResponse(rows=await self._rows.erase(caller().tenant_id))
