"""Whatever single process is killed, the suite answers again by itself and has lost nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support.running_suite import LightLoad, RunningSuite, wait_until

pytestmark = pytest.mark.slow

# Some seconds on a quiet machine.
ANSWERS_AGAIN_SECONDS = 120
PASSWORD = "faro-en-la-costa-27"
PEOPLE: list[dict[str, Any]] = [
    {
        "name": "Faults and Sons",
        "users": [
            {"username": "breaker", "email": "breaker@faults.example", "role": "user", "password": PASSWORD},
        ],
    }
]
# A question that only this process, with what stands behind it, can answer. A 404 is an answer too.
QUESTIONS = {
    "auth": "/api/v1/users/me",
    "ingest": "/api/v1/jobs/ingest%2F01920000-0000-7000-8000-000000000000",
    "ml": "/regression/metrics/nobody",
    "insights": "/api/v1/insights/sentiment?account=nobody",
    "analytics": "/api/v1/status",
}


@pytest.fixture(scope="module")
def client(suite: RunningSuite) -> Iterator[httpx.Client]:
    suite.provision(PEOPLE)
    with suite.client() as gateway:
        reply = gateway.post("/auth/login", json={"username": "breaker", "password": PASSWORD})
    assert reply.status_code == httpx.codes.OK, reply.text
    with suite.client(reply.json()["access_token"]) as client:
        yield client


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    except httpx.TransportError:
        return False


def started_again(suite: RunningSuite, name: str, killed: int) -> bool:
    process = suite.process(name)
    return process.state == "running" and process.pid not in (None, killed)


def kill(suite: RunningSuite, name: str, works: Callable[[], bool]) -> None:
    """Kills one process under a light load, and sees that it comes back in time."""
    killed = suite.process(name).pid
    assert killed is not None
    with suite.client() as other, LightLoad(other, "/health") as load:
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda: started_again(suite, name, killed) and works(),
            ANSWERS_AGAIN_SECONDS,
            f"{name} did not answer again; its log: {suite.home.log(name)}",
        )
    assert load.statuses
    assert f"{name} was killed (SIGKILL); it is started again" in suite.output.read_text()


@pytest.mark.parametrize("name", QUESTIONS)
def test_service_that_is_killed_answers_again(suite: RunningSuite, client: httpx.Client, name: str) -> None:
    kill(suite, name, lambda: answers(client, QUESTIONS[name]))


@pytest.mark.parametrize("name", ["auth-worker", "ingest-worker", "ml-worker", "analytics-worker", "gateway", "redis"])
def test_suite_answers_after_the_kill_of(suite: RunningSuite, client: httpx.Client, name: str) -> None:
    kill(suite, name, lambda: answers(client, QUESTIONS["auth"]))


def test_postgres_that_is_killed_comes_back_with_its_rows(suite: RunningSuite, client: httpx.Client) -> None:
    before = client.get(QUESTIONS["auth"]).json()
    kill(suite, "postgres", lambda: all(answers(client, path) for path in QUESTIONS.values()))
    assert client.get(QUESTIONS["auth"]).json() == before


def test_health_says_ok_after_all_of_it(client: httpx.Client) -> None:
    wait_until(lambda: client.get("/health").json()["status"] == "OK", ANSWERS_AGAIN_SECONDS, "the suite is not well")
