"""What the runtime of every service asks of auth: the keys of its tokens, tokens for API keys and for services, and a
place in the trail."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import grpc
from google.protobuf.json_format import ParseDict

from atalaya.auth.v1.api_keys_pb2 import ExchangeApiKeyRequest
from atalaya.auth.v1.api_keys_pb2_grpc import ApiKeysServiceStub
from atalaya.auth.v1.audit_pb2 import AuditEvent, RecordAuditEventRequest
from atalaya.auth.v1.audit_pb2_grpc import AuditIntakeServiceStub
from atalaya.auth.v1.auth_pb2 import GetJwksRequest
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceStub
from atalaya.auth.v1.service_tokens_pb2 import IssueServiceTokenRequest
from atalaya.auth.v1.service_tokens_pb2_grpc import ServiceTokensServiceStub


def signing_keys(channel: grpc.aio.Channel) -> Callable[[], Awaitable[bytes]]:
    """Gives what fetches the public keys that verify access tokens, as a JSON Web Key Set."""
    stub = AuthServiceStub(channel)

    async def fetch() -> bytes:
        return bytes((await stub.GetJwks(GetJwksRequest())).data)

    return fetch


def key_exchange(channel: grpc.aio.Channel) -> Callable[[str], Awaitable[str]]:
    """Gives what exchanges an API key for an access token."""
    stub = ApiKeysServiceStub(channel)

    async def exchange(key: str) -> str:
        return str((await stub.ExchangeApiKey(ExchangeApiKeyRequest(key=key))).access_token)

    return exchange


def service_token_issue(channel: grpc.aio.Channel) -> Callable[[str, UUID, str], Awaitable[tuple[str, int]]]:
    """Gives what exchanges a service's proof for its token for a tenant and the service to call."""
    stub = ServiceTokensServiceStub(channel)

    async def issue(assertion: str, tenant_id: UUID, target: str) -> tuple[str, int]:
        request = IssueServiceTokenRequest(assertion=assertion, tenant_id=str(tenant_id), target=target)
        reply = await stub.IssueServiceToken(request)
        return str(reply.access_token), int(reply.expires_in)

    return issue


def audit_delivery(
    channel: grpc.aio.Channel, credentials: Callable[[UUID, str], Awaitable[tuple[tuple[str, str], ...]]]
) -> Callable[[UUID, Mapping[str, Any]], Awaitable[None]]:
    """Gives what takes an event of a service to the trail of a tenant; `credentials` are the service's for a tenant and
    the service to call."""
    stub = AuditIntakeServiceStub(channel)

    async def deliver(tenant_id: UUID, event: Mapping[str, Any]) -> None:
        # The sender may be of a later release than these contracts.
        message = ParseDict(dict(event), AuditEvent(), ignore_unknown_fields=True)
        await stub.RecordAuditEvent(
            RecordAuditEventRequest(event=message), metadata=await credentials(tenant_id, "auth")
        )

    return deliver
