"""Limits of calls and ended sessions hold whatever is done to Redis, to the bounds that docs/faults.md states."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from support.running_suite import RunningSuite, wait_until
from support.service_routes import ONE_OF_EACH
from support.suite_faults import (
    BACK_SECONDS,
    evicting_redis,
    flush_redis,
    full_redis,
    kill,
    read_only_redis,
    silent_redis,
)

if TYPE_CHECKING:
    from faults.conftest import Report

PASSWORD = "farol-de-la-isla-81"
# News is promised within a second; machines on which things break are busy.
NEWS_SECONDS = 30
OF_INGEST = "/api/v1/social-accounts"


@dataclass(frozen=True)
class Fault:
    """What is done to Redis for the length of a block, and whether it can be told anything meanwhile."""

    during: Callable[[RunningSuite], AbstractContextManager[None]]
    takes_news: bool


@contextmanager
def flushed(suite: RunningSuite) -> Iterator[None]:
    flush_redis(suite)
    yield


@contextmanager
def killed(suite: RunningSuite) -> Iterator[None]:
    kill(suite, "redis")
    yield


FAULTS = {
    "redis is flushed": Fault(flushed, takes_news=True),
    "redis is killed and starts empty": Fault(killed, takes_news=True),
    "redis drops what is old": Fault(evicting_redis, takes_news=True),
    "redis is read-only": Fault(read_only_redis, takes_news=False),
    "redis has no memory": Fault(full_redis, takes_news=False),
    "redis is silent": Fault(silent_redis, takes_news=False),
}


@pytest.fixture(scope="module")
def people(suite: RunningSuite, request: pytest.FixtureRequest) -> list[str]:
    """Two people for each test, who are limited as everybody is; made at once, for they take long."""
    tests = sum(1 for test in request.session.items if test.path == request.path)
    names = [f"bounded-{number}" for number in range(2 * tests)]
    users = [
        {"username": name, "email": f"{name}@bounded.example", "role": "user", "password": PASSWORD} for name in names
    ]
    suite.provision([{"name": "Bounded", "users": users}])
    return names


@pytest.fixture
def one(suite: RunningSuite, people: list[str]) -> Iterator[httpx.Client]:
    with suite.log_in(people.pop(), PASSWORD) as client:
        yield client


@pytest.fixture
def other(suite: RunningSuite, people: list[str]) -> Iterator[httpx.Client]:
    with suite.log_in(people.pop(), PASSWORD) as client:
        yield client


@pytest.mark.parametrize("fault", FAULTS)
def test_ended_sessions_stay_ended_when(
    suite: RunningSuite, one: httpx.Client, other: httpx.Client, report: "Report", fault: str, seed: int
) -> None:
    log_out(one)
    wait_until(lambda: refused_everywhere(one), NEWS_SECONDS, "a log-out is not known everywhere")
    with FAULTS[fault].during(suite):
        assert refused_everywhere(one)
        log_out(other)
        began = time.monotonic()
        if FAULTS[fault].takes_news:
            wait_until(lambda: refused_everywhere(other), NEWS_SECONDS, "what ends meanwhile is not known")
        assert refused_everywhere(one)
    if not FAULTS[fault].takes_news:
        began = time.monotonic()
        wait_until(lambda: refused_everywhere(other), NEWS_SECONDS, "what ended meanwhile is not known afterwards")
    assert refused_everywhere(one)
    report.count("longest time in seconds until every service knew of an ended session", time.monotonic() - began)
    report.fault(f"sessions end and {fault}")


def test_a_service_that_starts_beside_an_emptied_redis_knows_what_has_ended(
    suite: RunningSuite, one: httpx.Client, report: "Report", seed: int
) -> None:
    log_out(one)
    wait_until(lambda: refused_everywhere(one), NEWS_SECONDS, "a log-out is not known everywhere")
    flush_redis(suite)
    kill(suite, "ingest")
    wait_until(lambda: one.get(OF_INGEST).status_code != 503, BACK_SECONDS, "the gateway does not find ingest again")
    assert refused_everywhere(one)
    report.fault("a service is killed and redis is flushed")


@pytest.mark.parametrize("fault", FAULTS)
def test_calls_are_limited_when(
    suite: RunningSuite, one: httpx.Client, other: httpx.Client, report: "Report", fault: str, seed: int
) -> None:
    limit = int(suite.environment["RATE_LIMIT_PER_HOUR"])
    # While Redis counts nothing each service counts by itself, and what it has forgotten begins anew.
    most = limit * (1 + len(ONE_OF_EACH) + 1)
    taken = taken_until_all_refuse(one, most)
    assert taken >= limit
    with FAULTS[fault].during(suite):
        taken += taken_until_all_refuse(one, most)
        taken_of_other = taken_until_all_refuse(other, most)
    taken += taken_until_all_refuse(one, most)
    taken_of_other += taken_until_all_refuse(other, most)
    assert taken <= most
    assert limit <= taken_of_other <= most
    report.count("longest row of calls taken from one caller, in limits", max(taken, taken_of_other) / limit)
    report.fault(f"calls are counted and {fault}")


def log_out(client: httpx.Client) -> None:
    client.post("/api/v1/auth/logout", json={}).raise_for_status()


def said(client: httpx.Client, route: str) -> str:
    """What a call is refused for; empty where it is not."""
    reply = client.get(route)
    refused = reply.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS)
    return str(reply.json()["code"]) if refused else ""


def refused_everywhere(client: httpx.Client) -> bool:
    return all(said(client, route) == "TOKEN_REVOKED" for route in ONE_OF_EACH)


def taken_until_all_refuse(client: httpx.Client, most: int) -> int:
    """Asks each service until it says that there were too many; gives how many calls they took in all."""
    taken, taking = 0, list(ONE_OF_EACH)
    while taking:
        refusing = [route for route in taking if said(client, route) == "RATE_LIMITED"]
        taking = [route for route in taking if route not in refusing]
        taken += len(taking)
        assert taken <= most, f"{taking} took more than {most} calls"
    return taken
