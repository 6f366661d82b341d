"""The gRPC health service: every Check asks what the service depends on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

CACHE_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 2.0
WATCH_SECONDS = 2.0

_log = structlog.stdlib.get_logger("service_runtime.health")


@dataclass
class _Check:
    check: Callable[[], Awaitable[None]]
    critical: bool
    good: bool = True
    asked_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Answers for the whole service ("") by its critical checks, and for each check by its name."""

    def __init__(self) -> None:
        self._checks: dict[str, _Check] = {}
        self._names = {""}
        self._stopping = asyncio.Event()

    def add_check(self, name: str, check: Callable[[], Awaitable[None]], *, critical: bool) -> None:
        self._checks[name] = _Check(check, critical)

    def add_name(self, name: str) -> None:
        """Answers for one more name as for the whole."""
        self._names.add(name)

    def stop(self) -> None:
        """Answers NOT_SERVING from now on."""
        self._stopping.set()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        status = await self._status(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service or check.")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        last = None
        while True:
            status = await self._status(request.service)
            if status != last:
                last = status
                unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
                yield health_pb2.HealthCheckResponse(status=unknown if status is None else status)
            if self._stopping.is_set():
                return
            try:
                await asyncio.wait_for(self._stopping.wait(), WATCH_SECONDS)
            except TimeoutError:
                continue

    async def _status(self, name: str) -> Any:
        if name in self._checks:
            good = await self._ask(name, self._checks[name])
        elif name in self._names:
            critical = [(name, check) for name, check in self._checks.items() if check.critical]
            good = all(await asyncio.gather(*(self._ask(name, check) for name, check in critical)))
        else:
            return None
        serving = good and not self._stopping.is_set()
        return health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING

    async def _ask(self, name: str, check: _Check) -> bool:
        async with check.lock:
            if time.monotonic() - check.asked_at < CACHE_SECONDS:
                return check.good
            was_good = check.good
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                    await check.check()
                check.good = True
            except Exception as error:
                check.good = False
                if was_good:
                    _log.warning("dependency is down", dependency=name, error=str(error))
            check.asked_at = time.monotonic()
            return check.good
