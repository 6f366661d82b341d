"""A tenant that reads its reports beside one that asks for the costliest, each time up to another moment.

Runs against a suite that is up: `ATALAYA_HOME=… python bench/report_fairness.py --url … --data FOLDER`. The folder
holds CSV files laid out as a lake is, such as those of scale 1 that insurance_reports.py makes; they become those of
both. Each round asks for A alone and then beside B; A's requests are open loop. Without --limit, for which the suite's
limits are to be off, B's eight clients never rest. With --limit, the suite's own RATE_LIMIT_PER_MINUTE, A asks nine
tenths as often as it may, and B ten times as often, in an open loop too.
"""

import argparse
import asyncio
import itertools
import os
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import open_loop
import people
from http_calls import Server
from open_loop import Outcome
from service_runtime.config import RuntimeSettings
from service_runtime.lake import tenant_lake

READ = ("/claims/stats", "/cross/analytics/claims-vs-policies", "/mysql/analytics/users")
COSTLY = ("/cross/analytics/customer-journey", "/cross/analytics/agent-performance")


def main() -> None:
    """Prints a line per round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=30, help="requests of A in a second")
    parser.add_argument("--limit", type=int, help="calls a minute that each may make")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    slower, success = asyncio.run(measured(Server.of(options.url), options))
    print(f"  success of A beside B: {statistics.median(success):.2%}")
    print(f"  p99 of A beside B over alone: {statistics.median(slower):.2f} ({min(slower):.2f}..{max(slower):.2f})")


async def measured(server: Server, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    a, b = await people.register(server), await people.register(server)
    for person in (a, b):
        fill(person.access_token, options.data)
    requests = [server.request("GET", path, token=a.access_token) for path in READ]
    moments = (datetime(2024, 10, 1, tzinfo=UTC) - timedelta(seconds=number) for number in itertools.count())
    rate = options.limit / 60 * 0.9 if options.limit else options.rate

    async def reading() -> list[Outcome]:
        return await open_loop.http(server, requests, rate, options.seconds)

    async def asking() -> Counter[int]:
        if options.limit:
            return await beyond_its_limit(server, b.access_token, moments, options)
        return await load(server, b.access_token, moments, options.seconds)

    # What is loaded once.
    await asyncio.gather(reading(), asking())
    slower, success = [], []
    for _ in range(options.rounds):
        # Of a limit's minute nothing is left over for the next.
        await asyncio.sleep(60 if options.limit else 0)
        alone = await reading()
        beside, answered = await asyncio.gather(reading(), asking())
        slower.append(p99(beside) / p99(alone))
        success.append(sum(each.status == 200 for each in beside) / len(beside))
        print(f"  A: {success[-1]:.2%} good, p99 {p99(beside):.0f} ms, alone {p99(alone):.0f} ms; B: {dict(answered)}")
    return slower, success


def fill(token: str, data: Path) -> None:
    tenant_id = jwt.decode(token, options={"verify_signature": False})["tenant_id"]
    lake = os.environ.get("ATALAYA_LAKE") or f"file://{os.environ['ATALAYA_HOME']}/lake"
    for file in sorted(data.rglob("*.csv")):
        place = tenant_lake(RuntimeSettings(atalaya_lake=lake), tenant_id)
        place.put_file(file, str(file.relative_to(data)))


def costly(server: Server, token: str, path: str, moment: datetime) -> bytes:
    return server.request("GET", f"{path}?as_of={moment:%Y-%m-%dT%H:%M:%SZ}", token=token)


async def beyond_its_limit(
    server: Server, token: str, moments: Iterator[datetime], options: argparse.Namespace
) -> Counter[int]:
    """Ten times as many as the limit lets in, whatever becomes of them; gives their statuses."""
    rate = options.limit / 60 * 10
    paths = itertools.islice(itertools.cycle(COSTLY), int(rate * options.seconds))
    requests = (costly(server, token, path, next(moments)) for path in paths)
    outcomes = await open_loop.http(server, requests, rate, options.seconds, patience=30)
    return Counter(each.status for each in outcomes)


async def load(server: Server, token: str, moments: Iterator[datetime], seconds: float) -> Counter[int]:
    """Eight clients that ask for what is not kept, again and again; gives their statuses."""
    ends, answered = asyncio.get_running_loop().time() + seconds, Counter[int]()

    async def client(path: str) -> None:
        connection = await server.connect()
        while asyncio.get_running_loop().time() < ends:
            answer = await connection.ask(costly(server, token, path, next(moments)))
            answered[answer.status] += 1
        connection.close()

    await asyncio.gather(*(client(COSTLY[number % len(COSTLY)]) for number in range(8)))
    return answered


def p99(outcomes: list[Outcome]) -> float:
    return open_loop.percentile([each.latency for each in outcomes if each.status == 200], 99)


if __name__ == "__main__":
    main()
