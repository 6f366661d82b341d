"""Insurance reports through the gateway with a token, beside FastAPI with pandas, and beside plain DuckDB.

Runs against a suite that is up, limits off: `ATALAYA_HOME=… python bench/insurance_reports.py --url … --token …
--peers FOLDER`. The home is needed for the lake, into which the peers' data go as the caller's own, and for the process
whose memory is measured. Figures are ratios of rounds in which all are asked in turn, and their medians.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path

import closed_loop
import jwt
import psutil
from http_calls import Server, ask_once
from peer_programs import Peer, peer_data, running_peer
from plain_duckdb import PlainDuckDb
from service_runtime.config import RuntimeSettings
from service_runtime.lake import Lake, tenant_lake

WARM = (
    "/mysql/analytics/users",
    "/mysql/analytics/clients/demographics",
    "/postgresql/analytics/product-profitability",
    "/postgresql/analytics/policy-trends?months=12",
    "/cassandra/analytics/claims",
    "/cassandra/analytics/claims-payments-correlation",
    "/cross/analytics/claims-vs-policies",
    "/cross/analytics/customer-journey",
    "/claims/stats",
    "/payments/avg",
    "/audits/top-services",
)
JOINS = {
    "claims-vs-policies": "/cross/analytics/claims-vs-policies",
    "customer-journey": "/cross/analytics/customer-journey",
}
MOST_TRIES = 5
CLAIMS, POLICIES = "cassandra/reclamos/reclamos.csv", "postgresql/policies/policies.csv"


class Suite:
    """The suite as its caller asks it, and the lake and the process behind it."""

    def __init__(self, url: str, token: str) -> None:
        self.server, self.token = Server.of(url), token
        tenant_id = jwt.decode(token, options={"verify_signature": False})["tenant_id"]
        lake = os.environ.get("ATALAYA_LAKE") or f"file://{os.environ['ATALAYA_HOME']}/lake"
        self.lake: Lake = tenant_lake(RuntimeSettings(atalaya_lake=lake), tenant_id)
        # Of a content that it has seen, in an earlier run too, the suite keeps what it made.
        self._run, self._changes = time.time_ns(), 0

    def request(self, path: str) -> bytes:
        return self.server.request("GET", path, token=self.token)

    def load(self, data: Path) -> None:
        for file in sorted(data.rglob("*.csv")):
            self.lake.put_file(file, str(file.relative_to(data)))

    def change(self, data: Path, file: str = CLAIMS) -> None:
        """Puts a file of the data with its last row once more, each time under another id."""
        self._changes += 1
        content = (data / file).read_bytes()
        _, _, columns = content.rstrip(b"\n").rpartition(b"\n")[2].partition(b",")
        self.lake.put_bytes(content + b"%d-%d,%s\n" % (self._run, self._changes, columns), file)

    def process(self) -> psutil.Process:
        """The process of analytics, the one of this home."""
        for process in psutil.process_iter(["cmdline"]):
            is_analytics = {"analytics_service", "serve"} <= set(process.info["cmdline"] or [])
            if is_analytics and process.environ().get("ATALAYA_HOME") == os.environ["ATALAYA_HOME"]:
                return process
        raise RuntimeError("no analytics of this ATALAYA_HOME runs")


def main() -> None:
    options = parse()
    suite = Suite(options.url, options.token)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pandas, kept = (
            stack.enter_context(running_peer(options.peers, name, scale="1", port=port, folder=folder))
            for name, port in (("primac", options.port), ("primac_resp", options.port + 10))
        )
        data = peer_data(folder, "1")
        suite.load(data)
        warm(suite, kept, options)
        small = first_answers(suite, pandas, data, options.rounds)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        large = stack.enter_context(running_peer(options.peers, "primac", scale="5", port=options.port, folder=folder))
        data = peer_data(folder, "5")
        suite.load(data)
        grown = first_answers(suite, large, data, max(3, options.rounds // 2))
        for name in JOINS:
            ours, theirs = (grown[name][who] / small[name][who] for who in ("ours", "pandas"))
            print(f"  {name}: from scale 1 to 5 the first answer takes {ours:.1f} times as long; pandas {theirs:.1f}")
        memory(suite, large, data)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--peers", type=Path, required=True, help="the folder with run_peer.sh")
    parser.add_argument("--folder", type=Path, help="where the peers' data and environment are kept; else made anew")
    parser.add_argument("--port", type=int, default=23010)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def warm(suite: Suite, kept: Peer, options: argparse.Namespace) -> None:
    """All reports in turn, again and again: beside the suite's own echo, and beside the peer that keeps its answers."""
    ours, echo = [suite.request(path) for path in WARM], [suite.request("/")]
    theirs = [kept.server.request("GET", path) for path in WARM]

    async def one_round() -> dict[str, closed_loop.Load]:
        asked = {"reports": (suite.server, ours), "echo": (suite.server, echo), "primac_resp": (kept.server, theirs)}
        return {
            name: await closed_loop.http(server, requests, options.clients, options.seconds)
            for name, (server, requests) in asked.items()
        }

    async def all_rounds() -> list[dict[str, closed_loop.Load]]:
        for request in ours:
            await ask_once(suite.server, request)
        await one_round()
        return [await one_round() for _ in range(options.rounds)]

    rounds = asyncio.run(all_rounds())
    print(f"Warm, {options.clients} clients, {options.rounds} rounds; medians")
    for name in rounds[0]:
        loads = [each[name] for each in rounds]
        rate, p50, p99 = (statistics.median(getattr(load, field) for load in loads) for field in ("rate", "p50", "p99"))
        print(f"  {name:12} {rate:8.0f} req/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    for peer in ("echo", "primac_resp"):
        print(f"  reports / {peer}: {spread([each['reports'].rate / each[peer].rate for each in rounds])}")


def first_answers(suite: Suite, pandas: Peer, data: Path, rounds: int) -> dict[str, dict[str, float]]:
    """The first answer after a file has changed; gives the median seconds of each join, for claims, by who answered."""
    medians = {}
    with PlainDuckDb(data) as plain:
        for (name, path), changed in product(JOINS.items(), (POLICIES, CLAIMS)):
            asked: dict[str, Callable[[], object]] = {
                "ours": lambda path=path: asyncio.run(ask_once(suite.server, suite.request(path))),  # type: ignore[misc]
                "pandas": lambda path=path: asyncio.run(  # type: ignore[misc]
                    ask_once(pandas.server, pandas.server.request("GET", path))
                ),
                "duckdb": lambda name=name: plain.answer(name),  # type: ignore[misc]
            }
            times: dict[str, list[float]] = {who: [] for who in asked}
            # The first round is for whatever is loaded once.
            for number in range(rounds + 1):
                for who, ask in asked.items():
                    if who == "ours":
                        suite.change(data, changed)
                    began = time.perf_counter()
                    ask()
                    if number:
                        times[who].append(time.perf_counter() - began)
            medians[name] = {who: statistics.median(taken) for who, taken in times.items()}
            told = ", ".join(f"{who} {seconds * 1000:.0f} ms" for who, seconds in medians[name].items())
            print(f"First answer of {name} after another {changed}, {rounds} rounds; medians: {told}")
            print(f"  pandas / ours: {spread([b / a for a, b in zip(times['ours'], times['pandas'], strict=True)])}")
            print(f"  ours / duckdb: {spread([a / b for a, b in zip(times['ours'], times['duckdb'], strict=True)])}")
    return medians


def memory(suite: Suite, pandas: Peer, data: Path) -> None:
    """The most memory of each process while all its clients ask for both joins at scale 5, the files just changed."""

    async def ask_until_answered(server: Server, request: bytes) -> None:
        # What takes longer than a caller's deadline goes on, and is there for who asks again.
        for _ in range(MOST_TRIES):
            with suppress(RuntimeError):
                await ask_once(server, request)
                return
        raise RuntimeError("no answer, however often it was asked for")

    async def ask_all(server: Server, requests: list[bytes]) -> None:
        await asyncio.gather(*(ask_until_answered(server, request) for request in requests))

    suite.load(data)
    suite.change(data)
    with most_memory(suite.process()) as ours:
        asyncio.run(ask_all(suite.server, [suite.request(path) for path in JOINS.values()] * 4))
    with most_memory(pandas.process) as theirs:
        asyncio.run(ask_all(pandas.server, [pandas.server.request("GET", path) for path in JOINS.values()] * 4))
    print(f"Most memory at scale 5 with 8 clients: ours {ours[0]:.0f} MB, pandas {theirs[0]:.0f} MB")


@contextmanager
def most_memory(process: psutil.Process) -> Iterator[list[float]]:
    """Gives, in the end, the most megabytes that a process had resident meanwhile."""
    found: list[float] = []
    # The kernel counts from now on.
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    yield found
    status = Path(f"/proc/{process.pid}/status").read_text()
    found.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000)


def spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


if __name__ == "__main__":
    main()
