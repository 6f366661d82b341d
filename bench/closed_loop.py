"""Closed-loop load: so many clients, each with one connection, ask again as soon as they have an answer."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc.aio
from http_calls import Server


@dataclass(frozen=True)
class Load:
    """What one run gave: requests a second, and milliseconds at the 50th and 99th percentile."""

    rate: float
    p50: float
    p99: float


async def http(server: Server, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Asks over HTTP/1.1 keep-alive, each client through all requests in turn; raises on any status but 2xx."""
    starts = itertools.count()

    async def client(until: float, times: list[float]) -> None:
        connection = await server.connect()
        number = next(starts)
        while (begun := time.perf_counter()) < until:
            answer = await connection.ask(requests[number % len(requests)])
            if answer.status >= 300:
                raise RuntimeError(f"{answer.status} {answer.body.decode(errors='replace')}")
            times.append(time.perf_counter() - begun)
            number += clients
        connection.close()

    return await run(client, clients, seconds)


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
