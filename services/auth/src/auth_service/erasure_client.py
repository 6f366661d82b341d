"""Asks the other services to erase a tenant, each of their replicas: they have caches of their own."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog
from atalaya.tenancy.v1.erasure_pb2 import EraseTenantRequest
from atalaya.tenancy.v1.erasure_pb2_grpc import ErasureServiceStub
from service_runtime.client import ChannelSettings, open_channel
from service_runtime.errors import ServiceError

from auth_service.erasures import Erased, Sweep

_log = structlog.stdlib.get_logger("auth_service.erasure_client")


class ErasureClients:
    """The services by name and address; `sign` gives a token for a service and a tenant."""

    def __init__(
        self, addresses: Mapping[str, str], settings: ChannelSettings, sign: Callable[[str, UUID], str]
    ) -> None:
        self._addresses = addresses
        self._settings = settings
        self._sign = sign

    async def erase(self, tenant_id: UUID) -> Sweep:
        """Asks all at once; who does not answer, or not well, is named."""
        services = list(self._addresses)
        replies = await asyncio.gather(*(self._ask(service, tenant_id) for service in services), return_exceptions=True)
        erased, away = Erased(), []
        for service, reply in zip(services, replies, strict=True):
            if isinstance(reply, Erased):
                erased += reply
            elif isinstance(reply, ServiceError | OSError):
                _log.warning("a service has not erased a tenant yet", service=service, error=str(reply))
                away.append(service)
            else:
                raise reply
        return Sweep(erased, tuple(away))

    async def _ask(self, service: str, tenant_id: UUID) -> Erased:
        erased = Erased()
        # One after the other, since replicas share a database.
        for address in await _replicas(self._addresses[service]):
            async with open_channel(address, self._settings, token=self._sign(service, tenant_id)) as channel:
                reply = await ErasureServiceStub(channel).EraseTenant(EraseTenantRequest())
            erased += Erased(reply.rows, reply.objects)
        return erased


async def _replicas(address: str) -> list[str]:
    """Gives the address of each replica behind a name."""
    if address.startswith("unix:"):
        return [address]
    host, _, port = address.removeprefix("dns:///").rpartition(":")
    found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    hosts = sorted({str(entry[4][0]) for entry in found})
    return [f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in hosts]
