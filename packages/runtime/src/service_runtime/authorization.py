"""Decides whether a call may go on: verifies what the caller brings and compares it with the rpc's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.api_keys import ApiKeys, bad_key
from service_runtime.credentials import Credential, read_credential
from service_runtime.errors import PermissionDenied, Unauthenticated
from service_runtime.identity import Identity, has_role
from service_runtime.policy import Policy
from service_runtime.request import Request
from service_runtime.token_verifier import TokenVerifier

if TYPE_CHECKING:
    from service_runtime.limits import RateLimits
    from service_runtime.revocations import Revocations


class Authorizer:
    """Lets calls in to one service, by nothing but tokens and keys. Headers prove nothing."""

    def __init__(
        self,
        service: str,
        verifier: TokenVerifier | None,
        *,
        api_keys: ApiKeys | None = None,
        revocations: Revocations | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self._service = service
        self._verifier = verifier
        self._api_keys = api_keys
        self._revocations = revocations
        self._limits = limits

    async def authorize(self, request: Request, policy: Policy | None) -> Identity | None:
        """Gives the caller's identity, or None where a public rpc is called without a token."""
        if policy is None:
            raise PermissionDenied("RPC_CLOSED", "This call is open to nobody.")
        credential = read_credential(request)
        if credential is None:
            if policy.public and not policy.service_only:
                return None
            raise Unauthenticated("TOKEN_REQUIRED", "An access token is required.")
        identity = await self._identify(credential)
        if self._limits is not None:
            # Before the role, for those who may not do a thing must not try it without end either.
            await self._limits.admit(identity, request)
        _check_rights(identity, policy)
        return identity

    async def _identify(self, credential: Credential) -> Identity:
        if self._verifier is None:
            raise Unauthenticated("TOKEN_INVALID", "This service takes no tokens.")
        identity = await self._verifier.verify(await self._token(credential))
        if identity.kind == "service" and identity.target != self._service:
            raise Unauthenticated("TOKEN_INVALID", "The access token is for another service.")
        if self._revocations is not None and self._revocations.is_revoked(identity):
            if self._api_keys is not None and credential.is_key:
                self._api_keys.forget(credential.value)
                raise bad_key()
            raise Unauthenticated("TOKEN_REVOKED", "This access token no longer holds; refresh it or log in again.")
        return identity

    async def _token(self, credential: Credential) -> str:
        if not credential.is_key:
            return credential.value
        if self._api_keys is None:
            raise bad_key()
        return await self._api_keys.token(credential.value)


def _check_rights(identity: Identity, policy: Policy) -> None:
    if policy.service_only:
        if identity.kind != "service":
            raise PermissionDenied("SERVICE_ONLY", "Only services of the suite may call this.")
    elif identity.kind == "service":
        raise PermissionDenied("NOT_FOR_SERVICES", "A service's token opens only what is for services.")
    elif not policy.public and not has_role(identity, policy.least_role):
        raise PermissionDenied("ROLE_NOT_SUFFICIENT", "Your role does not allow this.", least_role=policy.least_role)
