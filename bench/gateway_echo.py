"""REST through the gateway with a token, against a bare grpc.aio echo and a FastAPI echo that checks a token.

Runs against a suite that is up: `python bench/gateway_echo.py --url http://localhost:8000 --token TOKEN`. The rate
limits must be off. All three are asked in turn, five rounds, and the medians and the ratios of each round are printed.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import closed_loop
import jwt
from cryptography.hazmat.primitives import serialization
from http_calls import Server

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Prints a line per round and the medians; returns nothing."""
    options = parse()
    gateway = Server.of(options.url)
    key = public_key(options.url, options.token)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(key)
        file.flush()
        fastapi_port, grpc_port = free_port(), free_port()
        peers = [start("fastapi", fastapi_port, file.name), start("grpc", grpc_port)]
        try:
            wait_for(fastapi_port)
            wait_for(grpc_port)
            rounds = [
                asyncio.run(one_round(options, gateway, Server("127.0.0.1", fastapi_port), grpc_port))
                for _ in range(options.rounds)
            ]
        finally:
            for peer in peers:
                peer.terminate()
    report(rounds, options.clients)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


async def one_round(
    options: argparse.Namespace, gateway: Server, fastapi: Server, grpc_port: int
) -> dict[str, closed_loop.Load]:
    clients, seconds, token = options.clients, options.seconds, options.token
    return {
        "gateway": await closed_loop.http(gateway, [gateway.request("GET", "/", token=token)], clients, seconds),
        "fastapi": await closed_loop.http(fastapi, [fastapi.request("GET", "/", token=token)], clients, seconds),
        "grpc": await closed_loop.grpc_echo(grpc_port, b"x" * 150, clients, seconds),
    }


def report(rounds: list[dict[str, closed_loop.Load]], clients: int) -> None:
    print(f"{clients} clients, {len(rounds)} rounds; medians")
    for name in ("gateway", "fastapi", "grpc"):
        loads = [each[name] for each in rounds]
        rate, p50, p99 = (statistics.median(getattr(load, field) for load in loads) for field in ("rate", "p50", "p99"))
        print(f"  {name:8} {rate:8.0f} req/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    for peer in ("fastapi", "grpc"):
        ratios = sorted(each["gateway"].rate / each[peer].rate for each in rounds)
        print(f"  gateway / {peer}: {statistics.median(ratios):.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f})")


def public_key(url: str, token: str) -> str:
    with urllib.request.urlopen(f"{url}/.well-known/jwks.json") as answer:
        keys = jwt.PyJWKSet.from_dict(json.load(answer))
    key = keys[jwt.get_unverified_header(token)["kid"]].key
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_bytes(serialization.Encoding.PEM, form).decode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(kind: str, port: int, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(HERE / "echo_peers.py"), kind, str(port), *more])


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


if __name__ == "__main__":
    main()
