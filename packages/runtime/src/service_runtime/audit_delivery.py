"""Takes what happened in a service to the trail, which another service keeps."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

import grpc
import structlog

from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.jobs import Deliver
from service_runtime.service_tokens import Issue, ServiceTokens, read_private_key

_log = structlog.stdlib.get_logger("service_runtime.audit_delivery")

# Gives the metadata of a call for a tenant to a service.
Credentials: TypeAlias = Callable[[UUID, str], Awaitable[tuple[tuple[str, str], ...]]]


def audit_delivery(
    service: str,
    settings: RuntimeSettings,
    *,
    issue: Callable[[grpc.aio.Channel], Issue],
    deliver: Callable[[grpc.aio.Channel, Credentials], Deliver],
) -> Deliver | None:
    """Gives nothing where the service has no key to prove itself by: then events wait until it has one.

    `issue` and `deliver` make of a channel what asks for the service's tokens and what hands events over.
    """
    if not settings.service_private_key_file:
        _log.warning("what happens here is not told to the trail: SERVICE_PRIVATE_KEY_FILE is not set")
        return None
    # A key that cannot be read is told now, not with the first event.
    read_private_key(settings.service_private_key_file)

    @cache
    def connected() -> Deliver:
        # At the first event, for channels belong to a running event loop.
        channel = open_channel(settings.auth_address, settings)
        tokens = ServiceTokens(service, settings.service_private_key_file, issue(channel))
        return deliver(channel, tokens.metadata)

    async def delivered(tenant_id: UUID, event: Mapping[str, Any]) -> None:
        await connected()(tenant_id, event)

    return delivered
