"""The rpcs of AccountAccessService."""

from typing import Any
from uuid import UUID

from atalaya.ingest.v1 import access_pb2
from atalaya.ingest.v1.access_pb2_grpc import AccountAccessServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller

from ingest_service import convert
from ingest_service.account_access import AccountAccess


class AccountAccessServicer(AccountAccessServiceServicer):
    """Who of the caller's tenant may see an account."""

    def __init__(self, access: AccountAccess) -> None:
        self._access = access

    async def SetAccountAccess(
        self, request: access_pb2.SetAccountAccessRequest, context: ServicerContext[Any, Any]
    ) -> access_pb2.AccountAccess:
        users = [UUID(user) for user in request.users]
        return convert.from_access(*await self._access.set(caller(), request.cuenta, request.roles, users))

    async def GetAccountAccess(
        self, request: access_pb2.GetAccountAccessRequest, context: ServicerContext[Any, Any]
    ) -> access_pb2.AccountAccess:
        return convert.from_access(*await self._access.get(caller(), request.cuenta))
