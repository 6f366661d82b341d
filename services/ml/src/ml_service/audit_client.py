"""Takes what happened here to auth, which keeps the trail."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from atalaya.auth_calls import audit_delivery, service_token_issue
from service_runtime.client import open_channel
from service_runtime.jobs import Deliver
from service_runtime.service_tokens import ServiceTokens, read_private_key

from ml_service.config import Settings

_log = structlog.stdlib.get_logger("ml_service.audit_client")


def delivery(settings: Settings) -> Deliver | None:
    """Gives nothing where the service has no key to prove itself by: then events wait until it has one."""
    if not settings.service_private_key_file:
        _log.warning("what happens here is not told to the trail: SERVICE_PRIVATE_KEY_FILE is not set")
        return None
    # A key that cannot be read is told now, not with the first event.
    read_private_key(settings.service_private_key_file)

    @cache
    def connected() -> Deliver:
        # At the first event, for channels belong to a running event loop.
        channel = open_channel(settings.auth_address, settings)
        tokens = ServiceTokens("ml", settings.service_private_key_file, service_token_issue(channel))
        return audit_delivery(channel, tokens.metadata)

    async def deliver(tenant_id: UUID, event: Mapping[str, Any]) -> None:
        await connected()(tenant_id, event)

    return deliver
