"""The processes of the suite: how each is started, when it counts as ready, and how it is stopped."""

import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from local_suite import gateway, health
from local_suite.checks import free_ports, lack_of_disk
from local_suite.environment import SERVICES, WORKERS, inherited, marked, service_environment
from local_suite.home import Home
from local_suite.logs import rotate
from local_suite.postgres import EmbeddedPostgres
from local_suite.process import spawn
from local_suite.redis import EmbeddedRedis

GATEWAY = "gateway"
# After a crash PostgreSQL writes one or two pieces of its log, of 16 MB each, before it answers.
RECOVERY_MEGABYTES = 40


@dataclass(frozen=True)
class Program:
    """One process that is kept running."""

    name: str
    address: str
    log: Path
    start: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[], Awaitable[bool]]
    # Without an essential process the suite cannot answer at all, so it ends when that one cannot be kept alive.
    essential: bool = False
    metrics: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    # What keeps it from living at this moment, in words: while it says something, what died is not started again.
    lacks: Callable[[], str] = str


def postgres_server(home: Home) -> EmbeddedPostgres:
    """The suite's PostgreSQL."""
    return EmbeddedPostgres(
        home.postgres,
        home.postgres_sockets,
        password_file=home.secrets / "postgres.password",
        log=home.log("postgres"),
    )


def postgres_program(home: Home, server: EmbeddedPostgres) -> Program:
    """PostgreSQL; its orderly stop ends all sessions at once (fast shutdown)."""

    def start() -> subprocess.Popen[bytes]:
        rotate(server.log)
        server.prepare()
        return server.spawn(marked(home, inherited(home)))

    return Program(
        name="postgres",
        address=str(server.socket_dir),
        log=server.log,
        start=start,
        ready=health.in_thread(server.ready),
        essential=True,
        stop_signal=signal.SIGINT,
        stop_seconds=30,
        lacks=lambda: lack_of_disk(home, RECOVERY_MEGABYTES),
    )


def redis_program(home: Home) -> Program:
    """Redis."""
    server = EmbeddedRedis(home.sockets, log=home.log("redis"))

    def start() -> subprocess.Popen[bytes]:
        rotate(server.log)
        server.prepare()
        return spawn(server.command(), log=server.log, environment=marked(home, inherited(home)))

    return Program("redis", str(server.socket), server.log, start, health.in_thread(server.ready), stop_seconds=5)


def service_programs(home: Home) -> dict[str, list[Program]]:
    """The processes of each service, its worker among them, each with a port of its own for its metrics."""
    ports = iter(free_ports(len(SERVICES) + len(WORKERS)))
    programs = {name: [_service(home, name, "serve", name, next(ports))] for name in SERVICES}
    for name in WORKERS:
        programs[name].append(_service(home, name, "work", f"{name}-worker", next(ports)))
    return programs


def _service(home: Home, service: str, verb: str, name: str, metrics_port: int) -> Program:
    address = home.socket(service)
    log = home.log(name)
    metrics = f"http://127.0.0.1:{metrics_port}/metrics"

    def start() -> subprocess.Popen[bytes]:
        rotate(log)
        rotate(home.traces / f"{name}.jsonl")
        if verb == "serve":
            address.unlink(missing_ok=True)
        environment = service_environment(home, service, process=name, metrics_port=metrics_port)
        command = [sys.executable, "-m", f"{service}_service", verb]
        return spawn(command, log=log, environment=marked(home, environment), directory=home.path)

    return Program(
        name=name,
        address=str(address) if verb == "serve" else "",
        log=log,
        start=start,
        ready=health.grpc_service(address) if verb == "serve" else health.page(metrics),
        metrics=metrics,
    )


def gateway_program(home: Home) -> Program:
    """Envoy, the only one that listens on a port for others."""
    log = home.log(GATEWAY)
    configuration = gateway.configure(home)

    def start() -> subprocess.Popen[bytes]:
        rotate(log)
        gateway.admin_socket(home).unlink(missing_ok=True)
        environment = marked(home, inherited(home))
        return spawn(gateway.command(configuration), log=log, environment=environment, directory=home.path)

    return Program(GATEWAY, home.url, log, start, health.envoy(gateway.admin_socket(home)), essential=True)
