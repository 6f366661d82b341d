"""Short of memory or connections the gateway refuses, and says so; a failing rpc is no reason to shut out a service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.gateway_process import GatewayProcess

pytestmark = pytest.mark.slow

Bearer = Callable[..., dict[str, str]]


@asynccontextmanager
async def gateway(edge: Any, folder: Path, **options: Any) -> AsyncIterator[GatewayProcess]:
    """Runs another gateway before the same services; it may not answer yet."""
    process = GatewayProcess(folder, str(edge.log.with_name("backend.sock")), **options)
    process.spawn()
    try:
        yield process
    finally:
        process.stop()


async def first_answer(process: GatewayProcess) -> httpx.Response:
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        while True:
            try:
                return await client.get("/health")
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def test_without_memory_requests_are_refused(edge: Any, tmp_path: Path) -> None:
    async with gateway(edge, tmp_path, max_heap_bytes=1) as process:
        await first_answer(process)
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            # Memory is measured four times a second.
            while (reply := await client.get("/health")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    assert (reply.status_code, reply.json()["code"]) == (503, "UNAVAILABLE")
    assert reply.headers["retry-after"] == "1"


async def test_more_connections_than_allowed_are_closed(edge: Any, tmp_path: Path) -> None:
    async with gateway(edge, tmp_path, max_connections=5) as process:
        assert (await first_answer(process)).status_code == 200
        connections = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(12)]
        waiting = {asyncio.create_task(end_of(reader)) for reader, _ in connections}
        async with asyncio.timeout(60):
            while len(waiting) > 5:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        # Others would be ended in the same moment.
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
        assert waiting
        for task in waiting:
            task.cancel()
        for _, writer in connections:
            writer.close()


async def end_of(reader: asyncio.StreamReader) -> None:
    """Waits until a connection is ended, though nobody asked for that."""
    with contextlib.suppress(ConnectionError):
        await reader.read()


async def test_an_rpc_that_always_fails_takes_no_other_with_it(client: httpx.AsyncClient, bearer: Bearer) -> None:
    for account in ("away", "crash", "late") * 10:
        await client.get(f"/crud/publicaciones/{account}", headers=bearer())

    replies = [await client.get("/crud/publicaciones/bcp", headers=bearer()) for _ in range(20)]

    assert {reply.status_code for reply in replies} == {200}
