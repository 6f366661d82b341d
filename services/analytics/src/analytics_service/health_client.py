"""The health of the suite's parts, as the five services themselves see them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from analytics_service.single_flight import SingleFlight

# What the services depend on, by the names of their health checks.
DEPENDENCIES = ("database", "redis", "workers", "lake")
_KEPT_SECONDS = 1.0


@dataclass(frozen=True)
class SuiteHealth:
    """Which services serve, and which dependencies work; one that no service speaks of counts as down."""

    services: Mapping[str, bool]
    dependencies: Mapping[str, bool]

    @property
    def is_good(self) -> bool:
        return all(self.services.values()) and all(self.dependencies.values())


class SuiteHealthChecks:
    """Asks every service at once, with little patience; an answer holds for a second."""

    def __init__(self, addresses: Mapping[str, str], timeout: float) -> None:
        self._timeout = timeout
        self._channels = {name: grpc.aio.insecure_channel(address, _OPTIONS) for name, address in addresses.items()}
        self._flights: SingleFlight[SuiteHealth] = SingleFlight()
        self._last: tuple[float, SuiteHealth] | None = None

    async def check(self) -> SuiteHealth:
        if self._last is not None and time.monotonic() - self._last[0] < _KEPT_SECONDS:
            return self._last[1]
        return await self._flights.run("suite", self._check_all)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close(None)

    async def _check_all(self) -> SuiteHealth:
        asked = [(service, check) for service in self._channels for check in ("", *DEPENDENCIES)]
        words = await asyncio.gather(*(self._ask(service, check) for service, check in asked))
        answers = dict(zip(asked, words, strict=True))
        services = {service: answers[service, ""] is True for service in self._channels}
        opinions = {name: [answers[service, name] for service in self._channels] for name in DEPENDENCIES}
        health = SuiteHealth(services, {name: True in said and False not in said for name, said in opinions.items()})
        self._last = time.monotonic(), health
        return health

    async def _ask(self, service: str, check: str) -> bool | None:
        """Whether it is well; None where the service is away or has no such dependency."""
        stub = health_pb2_grpc.HealthStub(self._channels[service])
        try:
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=check), timeout=self._timeout)
        except grpc.aio.AioRpcError:
            return None
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


_OPTIONS = [
    # A service that restarts is found again at once, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
