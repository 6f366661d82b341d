"""Decides whether a call may go on: verifies the token and compares the role with the rpc's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.errors import PermissionDenied, Unauthenticated
from service_runtime.identity import Identity, TokenVerifier, has_role
from service_runtime.policy import Policy
from service_runtime.request import Request

if TYPE_CHECKING:
    from service_runtime.limits import RateLimits
    from service_runtime.revocations import Revocations


async def authorize(
    request: Request,
    policy: Policy | None,
    verifier: TokenVerifier | None,
    revocations: Revocations | None = None,
    limits: RateLimits | None = None,
) -> Identity | None:
    """Gives the caller's identity, or None where a public rpc is called without a token. Headers prove nothing."""
    if policy is None:
        raise PermissionDenied("RPC_CLOSED", "This call is open to nobody.")
    token = _bearer_token(request)
    if token is None:
        if policy.public:
            return None
        raise Unauthenticated("TOKEN_REQUIRED", "An access token is required.")
    if verifier is None:
        raise Unauthenticated("TOKEN_INVALID", "This service takes no tokens.")
    identity = await verifier.verify(token)
    if revocations is not None and revocations.is_revoked(identity):
        raise Unauthenticated("TOKEN_REVOKED", "This access token no longer holds; refresh it or log in again.")
    if limits is not None:
        # Before the role, for those who may not do a thing must not try it without end either.
        await limits.admit(identity, request)
    if not policy.public and not has_role(identity, policy.least_role):
        raise PermissionDenied("ROLE_NOT_SUFFICIENT", "Your role does not allow this.", least_role=policy.least_role)
    return identity


def _bearer_token(request: Request) -> str | None:
    header = request.metadata.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("TOKEN_INVALID", "The authorization header must be a bearer token.")
    return token.strip()
