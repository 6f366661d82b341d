"""When a process counts as ready: each kind is asked in its own language."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from local_suite import pages

SECONDS = 2.0


def in_thread(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """Makes a check that blocks one that does not."""

    async def ready() -> bool:
        return await asyncio.to_thread(check)

    return ready


def page(url: str) -> Callable[[], Awaitable[bool]]:
    """Asks for a page, for example of the metrics of a worker, which answers nothing else."""
    return in_thread(lambda: pages.answers(url))


def envoy(admin_socket: Path) -> Callable[[], Awaitable[bool]]:
    """Asks Envoy's admin page whether it takes requests."""
    return in_thread(lambda: pages.socket_answers(admin_socket, "/ready"))


def grpc_service(socket: Path) -> Callable[[], Awaitable[bool]]:
    """Asks a service by the gRPC health protocol whether it serves."""

    async def ready() -> bool:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            try:
                stub = health_pb2_grpc.HealthStub(channel)
                reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
            except grpc.aio.AioRpcError:
                return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    return ready
