"""Starts a real server on a unix socket and gives a channel to it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from service_runtime.errors import ServiceError
from service_runtime.server import Server
from service_runtime.status import from_rpc_error


@asynccontextmanager
async def socket_address() -> AsyncIterator[str]:
    """Gives the address of a socket in a folder of its own, for LISTEN_ADDRESS; socket paths must be short."""
    folder = tempfile.mkdtemp(prefix="atl-", dir="/tmp")
    try:
        yield f"unix:{Path(folder) / 's'}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    """Starts a server and gives a plain channel to it; its settings need a listen_address that is free."""
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield channel
    finally:
        await server.stop()


async def refusal(call: Awaitable[Any]) -> ServiceError:
    """Makes a call that must fail and gives the error as a service would see it."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)
