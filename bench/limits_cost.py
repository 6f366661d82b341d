"""What counting calls costs: one rpc with a token, not counted, counted in the process's memory, and counted in Redis.

`python bench/limits_cost.py` starts a Redis and three servers of the real pipeline, which differ in their limits alone
(none, and a thousand million a minute, an hour and a day), and asks each in turn, round by round.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import closed_loop
import grpc
import jwt
import psutil
from atalaya.jobs.v1.job_pb2 import Job
from cryptography.hazmat.primitives.asymmetric import rsa
from local_suite.redis import EmbeddedRedis
from service_runtime.config import RuntimeSettings
from service_runtime.event_loop import run_service
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

METHOD = "/echo.Echo/Echo"
KINDS = ("uncounted", "memory", "redis")
HUGE = 1_000_000_000


@dataclass(frozen=True)
class Measured:
    """A load, and the microseconds of CPU that its server spent on each call, which a busy machine blurs less."""

    load: closed_loop.Load
    cpu: float


@dataclass(frozen=True)
class EchoPolicy:
    """Anybody with a token may call."""

    least_role: str = "viewer"
    public: bool = False
    service_only: bool = False
    idempotency_key: bool = False
    success_status: int = 200
    bindings: tuple[Any, ...] = ()


async def serve(kind: str, folder: Path, redis_url: str) -> None:
    """Serves an echo as any service would serve it."""

    async def fetch_jwks() -> bytes:
        return (folder / "jwks").read_bytes()

    async def echo(request: Job, _context: Any) -> Job:
        return request

    limit = 0 if kind == "uncounted" else HUGE
    settings = RuntimeSettings(
        listen_address=f"unix:{folder / kind}",
        redis_url=redis_url if kind == "redis" else "",
        rate_limit_per_minute=limit,
        rate_limit_per_hour=limit,
        rate_limit_per_day=limit,
    )
    verifier = TokenVerifier(fetch_jwks, "atalaya", "atalaya")
    server = Server(settings, policies={METHOD: EchoPolicy()}, verifier=verifier, name=kind)
    codecs: Any = {"request_deserializer": Job.FromString, "response_serializer": Job.SerializeToString}
    handler: Any = grpc.unary_unary_rpc_method_handler(echo, **codecs)
    server.add(
        lambda handlers, to: to.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("echo.Echo", handlers),)
        ),
        {"Echo": handler},
    )
    await server.run()


async def load(address: str, metadata: tuple[tuple[str, str], ...], clients: int, seconds: float) -> closed_loop.Load:
    payload = Job(job_id="x" * 100).SerializeToString()

    async def client(until: float, times: list[float]) -> None:
        async with grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            call: Any = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)
            while (begun := time.perf_counter()) < until:
                await call(payload, metadata=metadata, wait_for_ready=True)
                times.append(time.perf_counter() - begun)

    return await closed_loop.run(client, clients, seconds)


def new_token(folder: Path) -> str:
    """Signs a token and writes the key's public half to where the servers look for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    (folder / "jwks").write_text(json.dumps({"keys": [{**public, "kid": "bench", "use": "sig", "alg": "RS256"}]}))
    now = int(time.time())
    claims = {
        "iss": "atalaya",
        "aud": "atalaya",
        "sub": str(uuid4()),
        "tenant_id": str(uuid4()),
        "role": "viewer",
        "sid": str(uuid4()),
        "iat": now,
        "exp": now + 3600,
        "token_use": "access",
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "bench"})


def measure(clients: int, seconds: float, rounds: int) -> None:
    """Prints the medians and the ratios of each round."""
    with tempfile.TemporaryDirectory(prefix="atl-", dir="/tmp") as name:
        folder = Path(name)
        metadata = (("authorization", f"Bearer {new_token(folder)}"), ("x-through-gateway", "1"))
        redis = EmbeddedRedis(folder)
        redis.start()
        servers = {kind: start(kind, name, redis.url) for kind in KINDS}

        def one_round() -> dict[str, Measured]:
            return {
                kind: one_load(server, f"unix:{folder / kind}", metadata, clients, seconds)
                for kind, server in servers.items()
            }

        try:
            measured = [one_round() for _ in range(rounds + 1)]
        finally:
            for server in servers.values():
                server.terminate()
                server.wait()
            redis.stop()
    report(measured[1:], clients)


def start(kind: str, folder: str, redis_url: str) -> psutil.Popen:
    command = [sys.executable, __file__, "serve", kind, folder, redis_url]
    return psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def one_load(
    server: psutil.Popen, address: str, metadata: tuple[tuple[str, str], ...], clients: int, seconds: float
) -> Measured:
    before = sum(server.cpu_times()[:2])
    result = asyncio.run(load(address, metadata, clients, seconds))
    used = sum(server.cpu_times()[:2]) - before
    return Measured(result, used / (result.rate * seconds) * 1e6)


def report(rounds: list[dict[str, Measured]], clients: int) -> None:
    print(f"{clients} clients, {len(rounds)} rounds after one to warm up; medians")
    for kind in KINDS:
        rate, p50, p99 = (
            statistics.median(getattr(each[kind].load, field) for each in rounds) for field in ("rate", "p50", "p99")
        )
        cpu = statistics.median(each[kind].cpu for each in rounds)
        ratios = sorted(each[kind].load.rate / each["uncounted"].load.rate for each in rounds)
        share = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f}) of uncounted"
        figures = f"{rate:6.0f} req/s   p50 {p50:5.2f} ms   p99 {p99:5.2f} ms   CPU {cpu:4.0f} us a call"
        print(f"  {kind:9} {figures}   {share}")


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        run_service(serve(sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measure(options.clients, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
