"""The rpcs of SocialAccountsService."""

from typing import Any
from uuid import UUID

from atalaya.ingest.v1 import accounts_pb2
from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.paging import PageTokens, page_size, text_position

from ingest_service import convert
from ingest_service.account_store import name_key
from ingest_service.accounts import Accounts

_QUERY = {"list": "social-accounts"}


class SocialAccountsServicer(SocialAccountsServiceServicer):
    """Accounts of the caller's tenant."""

    def __init__(self, accounts: Accounts, pages: PageTokens) -> None:
        self._accounts = accounts
        self._pages = pages

    async def ListSocialAccounts(
        self, request: accounts_pb2.ListSocialAccountsRequest, context: ServicerContext[Any, Any]
    ) -> accounts_pb2.ListSocialAccountsResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        after = self._pages.decode(request.page_token, tenant_id, _QUERY, text_position) or ""
        found = await self._accounts.page(caller(), after, size + 1)
        token = ""
        if len(found) > size:
            token = self._pages.encode(tenant_id, _QUERY, name_key(found[size - 1].username))
        return accounts_pb2.ListSocialAccountsResponse(
            social_accounts=[convert.from_account(account) for account in found[:size]], next_page_token=token
        )

    async def CreateSocialAccount(
        self, request: accounts_pb2.CreateSocialAccountRequest, context: ServicerContext[Any, Any]
    ) -> accounts_pb2.SocialAccount:
        account = await self._accounts.create(caller(), request.platform, request.username)
        return convert.from_account(account)

    async def UpdateSocialAccount(
        self, request: accounts_pb2.UpdateSocialAccountRequest, context: ServicerContext[Any, Any]
    ) -> accounts_pb2.SocialAccount:
        is_active = request.is_active if request.HasField("is_active") else None
        minutes = request.sync_interval_minutes if request.HasField("sync_interval_minutes") else None
        return convert.from_account(await self._accounts.update(caller(), UUID(request.id), is_active, minutes))

    async def DeleteSocialAccount(
        self, request: accounts_pb2.DeleteSocialAccountRequest, context: ServicerContext[Any, Any]
    ) -> accounts_pb2.DeleteSocialAccountResponse:
        await self._accounts.delete(caller(), UUID(request.id))
        return accounts_pb2.DeleteSocialAccountResponse()

    async def ListVisibleAccounts(
        self, request: accounts_pb2.ListVisibleAccountsRequest, context: ServicerContext[Any, Any]
    ) -> accounts_pb2.ListVisibleAccountsResponse:
        return accounts_pb2.ListVisibleAccountsResponse(usernames=await self._accounts.visible(caller()))
