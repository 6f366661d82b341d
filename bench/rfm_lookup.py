"""RFM: one customer looked up through the gateway with a token, beside FastAPI over a DuckDB table with a unique index.

Runs against a suite that is up, limits off: `ATALAYA_HOME=… python bench/rfm_lookup.py --url … --token … --peers
FOLDER`. The home is needed for the lake, into which the peer's million transactions go as the caller's own. Both are
asked for the same customers in turn. Then the suite alone: a thousand customers in one call, and the first answer after
the file has changed, which the peer never sees.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import closed_loop
import jwt
from http_calls import Server, ask_once
from peer_programs import running_peer
from pyarrow import parquet as pq
from service_runtime.config import RuntimeSettings
from service_runtime.lake import Lake, tenant_lake

PATH = "/api/v1/rfm/cliente/"
PURCHASES = "datavision/transactions/purchases.parquet"
CUSTOMERS = 100_000
ASKED = 5_000
BATCH = 1_000


def main() -> None:
    options = parse()
    tenant_id = jwt.decode(options.token, options={"verify_signature": False})["tenant_id"]
    lake = tenant_lake(RuntimeSettings(atalaya_lake=f"file://{os.environ['ATALAYA_HOME']}/lake"), tenant_id)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        with running_peer(options.peers, "rfm_table", scale="1", port=options.port, folder=folder) as peer:
            purchases = folder / "data" / "s1" / "rfm" / "transacciones.parquet"
            lake.put_file(purchases, PURCHASES)
            servers = {"gateway": Server.of(options.url), "rfm_table": peer.server}
            check_answers(servers, options.token)
            rounds = [asyncio.run(one_round(servers, options)) for _ in range(options.rounds)]
            report(rounds, options.clients)
            asyncio.run(others(servers["gateway"], lake, purchases, options))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--peers", type=Path, required=True, help="the folder with run_peer.sh")
    parser.add_argument("--folder", type=Path, help="where the peer's data and environment are kept; else made anew")
    parser.add_argument("--port", type=int, default=23410)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def check_answers(servers: dict[str, Server], token: str) -> None:
    """Holds what both must have alike: the days since the last purchase and the sum of one customer."""
    paths = [f"{PATH}{number}" for number in (1, 777, CUSTOMERS)]
    for path in paths:
        ours, theirs = (
            asyncio.run(ask_once(server, server.request("GET", path, token=token))).json()
            for server in servers.values()
        )
        if (ours["recencia"], ours["monto"]) != (theirs["recencia"], theirs["monetario"]):
            raise RuntimeError(f"they differ: {ours}, {theirs}")


async def one_round(servers: dict[str, Server], options: argparse.Namespace) -> dict[str, closed_loop.Load]:
    numbers = random.Random(1).sample(range(1, CUSTOMERS + 1), ASKED)
    loads = {}
    for name, server in servers.items():
        requests = [server.request("GET", f"{PATH}{number}", token=options.token) for number in numbers]
        await closed_loop.http(server, requests, options.clients, 1)
        loads[name] = await closed_loop.http(server, requests, options.clients, options.seconds)
    return loads


async def others(gateway: Server, lake: Lake, purchases: Path, options: argparse.Namespace) -> None:
    """Times a thousand customers in one call, and the first answer after the file has changed."""
    ids = [str(number) for number in random.Random(2).sample(range(1, CUSTOMERS + 1), BATCH)]
    many = gateway.request("POST", "/api/v1/rfm/clientes:batchGet", token=options.token, body={"ids": ids})
    print(f"  {BATCH} customers in one call: {await median_ms(gateway, many, 20):.1f} ms")
    one = gateway.request("GET", f"{PATH}777", token=options.token)
    print(f"  one customer, one client: {await median_ms(gateway, one, 200):.2f} ms")
    table, times = pq.read_table(purchases), []
    for number in range(options.rounds):
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            pq.write_table(table.slice(0, table.num_rows - number - 1), file.name)
            lake.put_file(Path(file.name), PURCHASES)
        times.append(await median_ms(gateway, one, 1))
    print(f"  first answer after {table.num_rows:,} purchases have changed: {statistics.median(times):.0f} ms")


async def median_ms(server: Server, request: bytes, times: int) -> float:
    connection = await server.connect()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        answer = await connection.ask(request)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body.decode(errors='replace')}")
    connection.close()
    return statistics.median(took)


def report(rounds: list[dict[str, closed_loop.Load]], clients: int) -> None:
    print(f"{clients} clients, {len(rounds)} rounds; medians")
    for name in rounds[0]:
        loads = [each[name] for each in rounds]
        rate, p50, p99 = (statistics.median(getattr(load, field) for load in loads) for field in ("rate", "p50", "p99"))
        print(f"  {name:9} {rate:8.0f} req/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    ratios = sorted(each["gateway"].rate / each["rfm_table"].rate for each in rounds)
    print(f"  gateway / rfm_table: {statistics.median(ratios):.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
