"""What is done to a running suite while a client loads it, by name."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import redis
from local_suite.environment import service_environment
from local_suite.restarts import LIMIT, WINDOW_SECONDS

from support.running_suite import RunningSuite, wait_until

# Half a minute is what is promised and what a run reports; a machine on which other things run may take longer.
BACK_SECONDS = 120
# Who dies less often than this is started again for ever.
LEAST_AGE_SECONDS = WINDOW_SECONDS / LIMIT + 1


def let_age(suite: RunningSuite, name: str) -> None:
    """Waits until a process may be killed without being given up for having died too often."""
    born_at = psutil.Process(suite.process(name).pid).create_time()
    wait_until(lambda: time.time() - born_at > LEAST_AGE_SECONDS, 2 * LEAST_AGE_SECONDS, f"{name} does not get older")


def kill(suite: RunningSuite, name: str) -> None:
    """Kills a process with all its children, as a crash of the machine's memory would; waits for the next one."""
    killed = suite.process(name).pid
    assert killed is not None, f"{name} does not run"
    let_age(suite, name)
    family = [*psutil.Process(killed).children(recursive=True), psutil.Process(killed)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()

    def back() -> bool:
        now = suite.process(name)
        return now.state == "running" and now.pid not in (None, killed)

    wait_until(back, BACK_SECONDS, f"{name} did not come back; its log: {suite.home.log(name)}")


def pause(suite: RunningSuite, name: str, seconds: float) -> None:
    """Stops a process for a time in which it says nothing, and lets it go on."""
    pid = suite.process(name).pid
    assert pid is not None
    process = psutil.Process(pid)
    process.suspend()
    try:
        with suppress(psutil.TimeoutExpired):
            process.wait(seconds)
    finally:
        process.resume()


@contextmanager
def redis_of(suite: RunningSuite) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(suite.home.sockets / "redis.sock")) as client:
        yield client


@contextmanager
def second_worker(suite: RunningSuite) -> Iterator[subprocess.Popen[bytes]]:
    """Another worker of ingest beside the suite's."""
    log = suite.home.log("ingest-worker").with_suffix(".second.log")
    environment = service_environment(suite.home, "ingest") | suite.environment
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "ingest_service", "work"], env=environment, stdout=output, stderr=output
        )
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def flush_redis(suite: RunningSuite) -> None:
    with redis_of(suite) as client:
        client.flushall()


@contextmanager
def read_only_redis(suite: RunningSuite) -> Iterator[None]:
    """Redis takes no writes, as a replica that nobody has promoted."""
    with redis_of(suite) as client:
        client.replicaof("127.0.0.1", "1")
        client.config_set("replica-serve-stale-data", "yes")
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def full_redis(suite: RunningSuite) -> Iterator[None]:
    """Redis has no memory left and may drop nothing, so that every write is refused."""
    with redis_of(suite) as client:
        before = client.config_get("maxmemory*")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            for name in ("maxmemory", "maxmemory-policy"):
                client.config_set(name, str(before[name]))


@contextmanager
def evicting_redis(suite: RunningSuite) -> Iterator[None]:
    """Redis has little memory and drops the oldest for what is new, until nothing of ours is left."""
    with redis_of(suite) as client:
        before = client.config_get("maxmemory*")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", str(int(client.info("memory")["used_memory"]) + (1 << 20)))
        try:
            numbers = itertools.count()
            while client.exists("atalaya:revocations"):
                client.set(f"atalaya:faults:{next(numbers)}", bytes(100_000), ex=60)
            yield
        finally:
            for name in ("maxmemory", "maxmemory-policy"):
                client.config_set(name, str(before[name]))


@contextmanager
def silent_redis(suite: RunningSuite) -> Iterator[None]:
    """Redis takes what is sent and says nothing."""
    process = psutil.Process(suite.process("redis").pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


# Each is done at a random moment and has ended when it returns.
FAULTS: dict[str, Callable[[RunningSuite], None]] = {
    "postgres is killed": lambda suite: kill(suite, "postgres"),
    "ingest is killed": lambda suite: kill(suite, "ingest"),
    "the worker is killed": lambda suite: kill(suite, "ingest-worker"),
    "redis is killed": lambda suite: kill(suite, "redis"),
    "the gateway is killed": lambda suite: kill(suite, "gateway"),
    "auth is killed": lambda suite: kill(suite, "auth"),
    "redis is flushed": flush_redis,
    "ingest is paused": lambda suite: pause(suite, "ingest", 3),
}


def environment_of(suite: RunningSuite) -> dict[str, str]:
    """What the suite's ingest is told, for its commands."""
    return {**os.environ, **service_environment(suite.home, "ingest"), **suite.environment}
