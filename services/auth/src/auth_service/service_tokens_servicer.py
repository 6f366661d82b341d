"""The rpc of ServiceTokensService: tokens for services."""

from typing import Any
from uuid import UUID

from atalaya.auth.v1 import service_tokens_pb2
from atalaya.auth.v1.service_tokens_pb2_grpc import ServiceTokensServiceServicer
from grpc.aio import ServicerContext

from auth_service.service_tokens import ServiceTokens


class ServiceTokensServicer(ServiceTokensServiceServicer):
    """Tokens for services that act without a person."""

    def __init__(self, service_tokens: ServiceTokens) -> None:
        self._service_tokens = service_tokens

    async def IssueServiceToken(
        self, request: service_tokens_pb2.IssueServiceTokenRequest, context: ServicerContext[Any, Any]
    ) -> service_tokens_pb2.IssueServiceTokenResponse:
        token = await self._service_tokens.issue(request.assertion, UUID(request.tenant_id), request.target)
        return service_tokens_pb2.IssueServiceTokenResponse(
            access_token=token.access_token, expires_in=token.expires_in
        )
