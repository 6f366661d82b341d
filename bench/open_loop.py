"""Open-loop load: requests begin when their time has come, however long the answers to others take."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from http_calls import Connection, Server


@dataclass(frozen=True)
class Outcome:
    """How one request ended; status 0 is a request that had no answer in time. `latency` is seconds from its time."""

    status: int
    latency: float
    has_retry_after: bool


async def http(
    server: Server, requests: Iterable[bytes], rate: float, seconds: float, patience: float = 5
) -> list[Outcome]:
    """Sends `rate` requests a second, in turn from `requests`; no answer after `patience` seconds counts as 0."""
    free: list[Connection] = []
    supply = itertools.cycle(requests)
    began = time.perf_counter()

    async def one(request: bytes, due: float) -> Outcome:
        try:
            async with asyncio.timeout(patience):
                connection = free.pop() if free else await server.connect()
                answer = await connection.ask(request)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return Outcome(0, time.perf_counter() - due, has_retry_after=False)
        if answer.closes:
            connection.close()
        else:
            free.append(connection)
        return Outcome(answer.status, time.perf_counter() - due, "retry-after" in answer.headers)

    tasks = []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(next(supply), due)))
    outcomes = await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return outcomes


def percentile(seconds: list[float], percent: int) -> float:
    """Gives a percentile in milliseconds; 0 where there is nothing."""
    if len(seconds) < 2:
        return sum(seconds) * 1000
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000
