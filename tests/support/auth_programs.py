"""What tests do as programs and as services: keys, their tokens, proofs of services, the audit trail."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
from atalaya.auth.v1 import api_keys_pb2, audit_pb2, service_tokens_pb2
from atalaya.auth.v1.api_keys_pb2_grpc import ApiKeysServiceStub
from atalaya.auth.v1.audit_pb2_grpc import AuditIntakeServiceStub, AuditServiceStub
from atalaya.auth.v1.service_tokens_pb2_grpc import ServiceTokensServiceStub
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.auth_running import RunningAuth, came_from
from support.tokens import bearer

if TYPE_CHECKING:
    from atalaya.auth.v1.api_keys_pb2_grpc import ApiKeysServiceAsyncStub
    from atalaya.auth.v1.audit_pb2_grpc import AuditIntakeServiceAsyncStub, AuditServiceAsyncStub
    from atalaya.auth.v1.service_tokens_pb2_grpc import ServiceTokensServiceAsyncStub


@cache
def service_key(name: str) -> rsa.RSAPrivateKey:
    """Makes a key once for each name; the name only tells keys apart."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def publish(folder: Path, service: str, *names: str) -> None:
    """Writes the public halves of keys where auth looks for a service's."""
    folder.mkdir(exist_ok=True)
    keys = [service_key(name).public_key() for name in names or (service,)]
    pem = b"".join(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    (folder / f"{service}.pem").write_bytes(pem)


class Programs:
    """Calls of programs and services to a running auth service."""

    def __init__(self, auth: RunningAuth) -> None:
        self.auth = auth
        self.keys: ApiKeysServiceAsyncStub = ApiKeysServiceStub(auth.channel)
        self.tokens: ServiceTokensServiceAsyncStub = ServiceTokensServiceStub(auth.channel)
        self.audit: AuditServiceAsyncStub = AuditServiceStub(auth.channel)
        self.intake: AuditIntakeServiceAsyncStub = AuditIntakeServiceStub(auth.channel)

    async def create_key(
        self, access_token: str, *, source: str = "", lives: timedelta | None = None, **fields: Any
    ) -> api_keys_pb2.CreateApiKeyResponse:
        """Makes a key, by default of role `user` and without an end."""
        request = api_keys_pb2.CreateApiKeyRequest(
            name=fields.get("name", "nightly import"), role=fields.get("role", "user")
        )
        if lives is not None:
            request.expires_at.FromDatetime(self.auth.clock.now + lives)
        return await self.keys.CreateApiKey(request, metadata=(*bearer(access_token), *came_from(source)))

    async def exchange(self, key: str, *, source: str = "") -> api_keys_pb2.ExchangeApiKeyResponse:
        request = api_keys_pb2.ExchangeApiKeyRequest(key=key)
        return await self.keys.ExchangeApiKey(request, metadata=came_from(source))

    async def list_keys(self, access_token: str, **page: Any) -> api_keys_pb2.ListApiKeysResponse:
        return await self.keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(**page), metadata=bearer(access_token))

    async def revoke(self, access_token: str, key_id: str) -> None:
        await self.keys.DeleteApiKey(api_keys_pb2.DeleteApiKeyRequest(id=key_id), metadata=bearer(access_token))

    def assertion(self, service: str, *, signed_with: str = "", **claims: Any) -> str:
        """Signs a proof that is good for 30 seconds; `claims` replace or add to the usual ones, None leaves one out."""
        now = int(self.auth.clock.now.timestamp())
        usual = {
            "iss": service,
            "sub": service,
            "aud": "atalaya-auth",
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 30,
        }
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(kept, service_key(signed_with or service), algorithm="RS256")

    async def service_token(
        self, assertion: str, tenant_id: str, target: str = "auth"
    ) -> service_tokens_pb2.IssueServiceTokenResponse:
        request = service_tokens_pb2.IssueServiceTokenRequest(assertion=assertion, tenant_id=tenant_id, target=target)
        return await self.tokens.IssueServiceToken(request)

    async def events(self, access_token: str, **query: Any) -> audit_pb2.ListAuditEventsResponse:
        return await self.audit.ListAuditEvents(
            audit_pb2.ListAuditEventsRequest(**query), metadata=bearer(access_token)
        )


def claims(token: str) -> dict[str, Any]:
    """Reads a token without checking it."""
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read
