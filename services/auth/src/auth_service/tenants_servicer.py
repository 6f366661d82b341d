"""The rpcs of TenantsService: the caller's tenant."""

from typing import Any, TypeAlias

from atalaya.auth.v1 import tenants_pb2
from atalaya.auth.v1.tenants_pb2_grpc import TenantsServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin

from auth_service import convert_people, convert_tenants
from auth_service.tenant_deletion import TenantDeletion
from auth_service.tenants import Tenants

Context: TypeAlias = ServicerContext[Any, Any]


class TenantsServicer(TenantsServiceServicer):
    """The caller's tenant."""

    def __init__(self, tenants: Tenants, deletion: TenantDeletion) -> None:
        self._tenants = tenants
        self._deletion = deletion

    async def GetTenant(self, request: tenants_pb2.GetTenantRequest, context: Context) -> tenants_pb2.Tenant:
        return convert_people.from_tenant(*await self._tenants.own(caller()))

    async def DeleteTenant(
        self, request: tenants_pb2.DeleteTenantRequest, context: Context
    ) -> tenants_pb2.DeleteTenantResponse:
        origin = current_origin()
        return convert_tenants.from_requested(
            await self._deletion.delete(caller(), request.password, request.name, origin)
        )

    async def GetErasure(self, request: tenants_pb2.GetErasureRequest, context: Context) -> tenants_pb2.Erasure:
        return convert_tenants.from_erasure(await self._deletion.erasure(request.job_id))
