"""Closed-loop load: so many clients, each with one connection, ask again as soon as they have an answer."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc.aio


@dataclass(frozen=True)
class Load:
    """What one run gave: requests a second, and milliseconds at the 50th and 99th percentile."""

    rate: float
    p50: float
    p99: float


async def http(host: str, port: int, path: str, token: str, clients: int, seconds: float) -> Load:
    """Asks GET path over HTTP/1.1 keep-alive with a bearer token; raises on any status but 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    async def client(until: float, times: list[float]) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (begun := time.perf_counter()) < until:
            writer.write(request)
            await read_answer(reader)
            times.append(time.perf_counter() - begun)
        writer.close()

    return await run(client, clients, seconds)


async def read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    lower = head.lower()
    if b"content-length:" in lower:
        await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
        return
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        await reader.readexactly(size + 2)
    await reader.readuntil(b"\r\n")


async def grpc_echo(port: int, payload: bytes, clients: int, seconds: float) -> Load:
    """Calls /echo/Echo with the payload, every client on a channel of its own."""

    async def client(until: float, times: list[float]) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            call = channel.unary_unary("/echo/Echo", request_serializer=None, response_deserializer=None)
            while (begun := time.perf_counter()) < until:
                await call(payload)
                times.append(time.perf_counter() - begun)

    return await run(client, clients, seconds)


async def run(client: Callable[[float, list[float]], Awaitable[None]], clients: int, seconds: float) -> Load:
    times: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(client(begun + seconds, times) for _ in range(clients)))
    rate = len(times) / (time.perf_counter() - begun)
    cuts = statistics.quantiles(times, n=100)
    return Load(rate, cuts[49] * 1000, cuts[98] * 1000)
