"""The rpcs of ApiKeysService: keys of the caller's tenant, and tokens in their place."""

from typing import Any, TypeAlias
from uuid import UUID

from atalaya.auth.v1 import api_keys_pb2
from atalaya.auth.v1.api_keys_pb2_grpc import ApiKeysServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin
from service_runtime.paging import PageTokens, id_position, page_size

from auth_service import convert_programs as convert
from auth_service.api_key_exchange import ApiKeyExchange
from auth_service.api_keys import ApiKeys

Context: TypeAlias = ServicerContext[Any, Any]
_QUERY = {"list": "api-keys"}


class ApiKeysServicer(ApiKeysServiceServicer):
    """API keys."""

    def __init__(self, api_keys: ApiKeys, exchange: ApiKeyExchange, pages: PageTokens) -> None:
        self._api_keys = api_keys
        self._exchange = exchange
        self._pages = pages

    async def CreateApiKey(
        self, request: api_keys_pb2.CreateApiKeyRequest, context: Context
    ) -> api_keys_pb2.CreateApiKeyResponse:
        expires_at = convert.to_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        role, origin = convert.to_role(request.role), current_origin()
        return convert.from_new_api_key(await self._api_keys.create(caller(), request.name, role, expires_at, origin))

    async def ListApiKeys(
        self, request: api_keys_pb2.ListApiKeysRequest, context: Context
    ) -> api_keys_pb2.ListApiKeysResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        position = self._pages.decode(request.page_token, tenant_id, _QUERY, id_position)
        found = await self._api_keys.page(caller(), position, size + 1)
        token = self._pages.encode(tenant_id, _QUERY, str(found[size - 1].key_id)) if len(found) > size else ""
        return api_keys_pb2.ListApiKeysResponse(
            api_keys=[convert.from_api_key(record) for record in found[:size]], next_page_token=token
        )

    async def DeleteApiKey(
        self, request: api_keys_pb2.DeleteApiKeyRequest, context: Context
    ) -> api_keys_pb2.DeleteApiKeyResponse:
        await self._api_keys.revoke(caller(), UUID(request.id), current_origin())
        return api_keys_pb2.DeleteApiKeyResponse()

    async def ExchangeApiKey(
        self, request: api_keys_pb2.ExchangeApiKeyRequest, context: Context
    ) -> api_keys_pb2.ExchangeApiKeyResponse:
        token = await self._exchange.exchange(request.key, current_origin())
        return convert.from_key_token(token)
