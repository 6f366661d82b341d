"""Kills a service that has calls in its hands, while a few calls a second go to every other one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import psutil

from support.running_suite import RunningSuite, wait_until
from support.steady_load import Answer, SteadyLoad, ask
from support.suite_faults import BACK_SECONDS, kill, let_age

IN_FLIGHT_SECONDS = 0.5


@dataclass(frozen=True)
class Service:
    """A read that no other service has a part in, as REST and as gRPC, the status of its answer, and a change."""

    read: tuple[str, str, Any]
    rpc: str
    answered: int
    change: tuple[str, str, Any]


NO_JOB = "/api/v1/jobs/ml%2F01920000-0000-7000-8000-000000000000"
SERVICES = {
    "auth": Service(
        ("GET", "/api/v1/users/me/sessions", None),
        "/atalaya.auth.v1.SessionsService/ListSessions",
        200,
        ("POST", "/api/v1/auth/forgot-password", {"email": "nobody@faults.example"}),
    ),
    "ingest": Service(
        ("GET", "/api/v1/social-accounts", None),
        "/atalaya.ingest.v1.SocialAccountsService/ListSocialAccounts",
        200,
        ("POST", "/api/v1/social-accounts", {"platform": "csv", "username": "nobody"}),
    ),
    "ml": Service(("GET", NO_JOB, None), "/atalaya.ml.v1.JobsService/GetJob", 404, ("POST", f"{NO_JOB}:cancel", {})),
    "insights": Service(
        ("POST", "/api/v1/insights/sentiment", {"texts": ["muy bueno"]}),
        "/atalaya.insights.v1.SentimentService/ScoreSentiment",
        200,
        ("POST", "/api/v1/insights/sentiment", {"texts": ["muy malo"]}),
    ),
    "analytics": Service(
        ("GET", "/data/info", None),
        "/atalaya.analytics.v1.SystemService/GetDataInfo",
        200,
        ("PUT", "/api/v1/rfm/segmentos/Campeones/beneficios", {"beneficios": ["nada"]}),
    ),
}


@dataclass
class Outcome:
    """How the calls in flight ended, over REST and gRPC; the others' calls before the kill and until the service
    answered again; and how long that took."""

    in_flight: list[Answer]
    rpc: grpc.StatusCode
    before: dict[str, list[Answer]]
    meanwhile: dict[str, list[Answer]]
    back_seconds: float


def kill_mid_request(suite: RunningSuite, token: str, name: str, *, calls: int, quiet_seconds: float) -> Outcome:
    """Stops the service so that calls are in its hands for sure, and then kills it."""
    service = SERVICES[name]
    with ExitStack() as stack:
        loads = {
            other: stack.enter_context(SteadyLoad(stack.enter_context(suite.client(token)), *SERVICES[other].read))
            for other in SERVICES
            if other != name
        }
        client = stack.enter_context(suite.client(token))
        threads = stack.enter_context(ThreadPoolExecutor(calls + 1))
        let_age(suite, name)
        began = time.monotonic()
        _wait(began + quiet_seconds)
        psutil.Process(suite.process(name).pid).suspend()
        asked = [threads.submit(ask, client, *(service.change if n % 2 else service.read)) for n in range(calls)]
        rpc = threads.submit(_status_of_rpc, suite, token, service.rpc)
        _wait(time.monotonic() + IN_FLIGHT_SECONDS)
        assert not rpc.done() and not any(call.done() for call in asked), "a service that is stopped has answered"
        killed_at = time.monotonic()
        kill(suite, name)
        wait_until(lambda: ask(client, *service.read).status == service.answered, BACK_SECONDS, f"{name} is not back")
        back_at = time.monotonic()
        in_flight = [call.result() for call in asked]
        status = rpc.result()
    return Outcome(
        in_flight,
        status,
        {other: load.between(began, killed_at) for other, load in loads.items()},
        {other: load.between(killed_at, back_at) for other, load in loads.items()},
        back_at - killed_at,
    )


def _wait(until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)


def _status_of_rpc(suite: RunningSuite, token: str, method: str) -> grpc.StatusCode:
    with grpc.insecure_channel(suite.url.removeprefix("http://")) as channel:
        try:
            call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
            call(b"", metadata=(("authorization", f"Bearer {token}"),), timeout=30)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK
