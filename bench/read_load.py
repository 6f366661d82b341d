"""A token checked and the caller's own row read: through the gateway, and by a FastAPI peer on the same PostgreSQL.

Runs against a suite that is up, with its limits off: `ATALAYA_HOME=… python bench/read_load.py --url … --token …`. The
home is needed for the database, which is filled with 20,000 tenants and 100,000 people first. Both are asked in turn.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import closed_loop
import gateway_echo
from http_calls import Server
from local_suite.home import Home
from local_suite.postgres import EmbeddedPostgres
from local_suite.programs import postgres_server

HERE = Path(__file__).resolve().parent
TENANTS, PEOPLE_EACH = 20_000, 5
PATH = "/api/v1/users/me"
FILL = (
    """INSERT INTO tenants (tenant_id, name, name_key, timezone, is_active, created_at)
       SELECT gen_random_uuid(), 'load ' || n, 'load ' || n, 'UTC', true, now() FROM generate_series(1, %s) n
       ON CONFLICT DO NOTHING""",
    """INSERT INTO users (tenant_id, user_id, email, email_key, username, username_key, full_name, role,
                          password_hash, password_changed_at, is_active, created_at)
       SELECT tenant_id, gen_random_uuid(), name_key || n || '@load', name_key || n || '@load', 'u' || n, 'u' || n,
              'U', 'viewer', '', now(), true, now()
       FROM tenants, generate_series(1, %s) n WHERE name_key LIKE 'load %%' ON CONFLICT DO NOTHING""",
    "ANALYZE tenants, users",
)


def main() -> None:
    """Prints the medians of both and their ratio."""
    options = parse()
    postgres = postgres_server(Home(Path(os.environ["ATALAYA_HOME"]), urlsplit(options.url).port or 80))
    fill(postgres)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(gateway_echo.public_key(options.url, options.token))
        file.flush()
        port = gateway_echo.free_port()
        command = [sys.executable, str(HERE / "read_peer.py"), str(port), file.name, postgres.dsn("atalaya_auth")]
        peer = subprocess.Popen(command)
        try:
            gateway_echo.wait_for(port)
            servers = {"gateway": Server.of(options.url), "fastapi": Server("127.0.0.1", port)}
            rounds = [asyncio.run(one_round(servers, options)) for _ in range(options.rounds)]
        finally:
            peer.terminate()
    report(rounds, options.clients)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def fill(postgres: EmbeddedPostgres) -> None:
    with postgres.connect("atalaya_auth") as connection:
        connection.execute(FILL[0], [TENANTS])
        connection.execute(FILL[1], [PEOPLE_EACH])
        connection.execute(FILL[2])


async def one_round(servers: dict[str, Server], options: argparse.Namespace) -> dict[str, closed_loop.Load]:
    loads = {}
    for name, server in servers.items():
        requests = [server.request("GET", PATH, token=options.token)]
        await closed_loop.http(server, requests, options.clients, 1)
        loads[name] = await closed_loop.http(server, requests, options.clients, options.seconds)
    return loads


def report(rounds: list[dict[str, closed_loop.Load]], clients: int) -> None:
    print(f"{clients} clients, {len(rounds)} rounds; medians")
    for name in rounds[0]:
        loads = [each[name] for each in rounds]
        rate, p50, p99 = (statistics.median(getattr(load, field) for load in loads) for field in ("rate", "p50", "p99"))
        print(f"  {name:8} {rate:8.0f} req/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    ratios = sorted(each["gateway"].rate / each["fastapi"].rate for each in rounds)
    print(f"  gateway / fastapi: {statistics.median(ratios):.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
