"""The rpc of ErasureService: a tenant leaves."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from atalaya.tenancy.v1 import erasure_pb2, erasure_pb2_grpc
from service_runtime.identity import caller


class ErasureServicer(erasure_pb2_grpc.ErasureServiceServicer):
    """Erases what is kept of the tenant that the calling service's token is for; `erase` gives how many rows and how
    many objects there were."""

    def __init__(self, erase: Callable[[UUID], Awaitable[tuple[int, int]]]) -> None:
        self._erase = erase

    async def EraseTenant(
        self, request: erasure_pb2.EraseTenantRequest, context: Any
    ) -> erasure_pb2.EraseTenantResponse:
        rows, objects = await self._erase(caller().tenant_id)
        return erasure_pb2.EraseTenantResponse(rows=rows, objects=objects)
