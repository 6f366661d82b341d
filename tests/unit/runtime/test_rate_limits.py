"""A server counts the calls of an identity that came through the gateway, and tells in every reply how it stands."""

import asyncio
import logging
from typing import Any
from uuid import UUID, uuid4

import grpc
import psutil
import pytest
from local_suite.redis import EmbeddedRedis
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.errors import NotFound
from support.revocations import redis_of_its_own
from support.running import refusal
from support.sample_rpcs import Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer

REQUEST = Request(job_id="x")
VIEWER = SamplePolicy("viewer")
OUTSIDE = (("x-through-gateway", "1"),)
REST = (*OUTSIDE, ("x-envoy-original-path", "/rows"))
THREE: dict[str, Any] = {"rate_limit_per_minute": 3}
FIGURES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


async def answer(word: str) -> str:
    if word == "missing":
        raise NotFound("NOTHING", "There is no such thing.")
    return word


async def outcome(call: Any) -> tuple[str, dict[str, str]]:
    """Gives a call's status and its initial metadata."""
    metadata = dict(await call.initial_metadata())
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, metadata
    return "OK", metadata


async def test_the_call_over_the_limit_is_refused_and_told_when_to_come_again(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    metadata = (*issuer.bearer(tenant_id), *REST)
    async with rpcs.serving(answer, VIEWER, redis_url=redis.url, **THREE) as stub:
        outcomes = [await outcome(stub.one(REQUEST, metadata=metadata)) for _ in range(4)]

    assert [status for status, _ in outcomes] == ["OK", "OK", "OK", "RESOURCE_EXHAUSTED"]
    assert [told["x-ratelimit-remaining"] for _, told in outcomes] == ["2", "1", "0", "0"]
    refused = outcomes[-1][1]
    assert refused["x-http-status"] == "429"
    assert refused["x-ratelimit-limit"] == "3"
    assert 1 <= int(refused["retry-after"]) == int(refused["x-ratelimit-reset"]) <= 60


async def test_grpc_callers_get_status_details_and_metadata(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    async with rpcs.serving(answer, VIEWER, redis_url=redis.url, rate_limit_per_minute=1) as stub:
        _, told = await outcome(stub.one(REQUEST, metadata=metadata))
        error = await refusal(stub.one(REQUEST, metadata=metadata))
        _, refused = await outcome(stub.one(REQUEST, metadata=metadata))

    assert (error.reason, error.http_status, error.metadata["limit"]) == ("RATE_LIMITED", 429, "1")
    assert error.retry_after is not None and 1 <= error.retry_after <= 60
    assert set(FIGURES) <= set(told) and set(FIGURES) <= set(refused)
    assert "x-http-status" not in refused


async def test_errors_tell_the_figures_too(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    admins = SamplePolicy("admin")
    viewer = (*issuer.bearer(tenant_id, "viewer"), *REST)
    async with (
        rpcs.serving(answer, VIEWER, redis_url=redis.url, **THREE) as stub,
        rpcs.serving(answer, admins, redis_url=redis.url, **THREE) as closed,
    ):
        missing = await outcome(stub.one(Request(job_id="missing"), metadata=viewer))
        # Who may not do a thing must not try it without end either.
        forbidden = await outcome(closed.one(REQUEST, metadata=viewer))

    assert [missing[0], forbidden[0]] == ["NOT_FOUND", "PERMISSION_DENIED"]
    assert [told["x-ratelimit-remaining"] for _, told in (missing, forbidden)] == ["2", "1"]


async def test_the_figures_are_those_of_the_tightest_window(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    windows: dict[str, Any] = {"rate_limit_per_minute": 0, "rate_limit_per_hour": 5, "rate_limit_per_day": 2}
    async with rpcs.serving(answer, VIEWER, redis_url=redis.url, **windows) as stub:
        outcomes = [await outcome(stub.one(REQUEST, metadata=metadata)) for _ in range(3)]

    assert [(status, told["x-ratelimit-limit"]) for status, told in outcomes] == [
        ("OK", "2"),
        ("OK", "2"),
        ("RESOURCE_EXHAUSTED", "2"),
    ]
    assert 86_000 < int(outcomes[-1][1]["retry-after"]) <= 86_400


async def test_processes_of_all_services_share_the_count(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    limits: dict[str, Any] = {"rate_limit_per_minute": 20, "redis_url": redis.url}
    async with rpcs.serving(answer, VIEWER, **limits) as one, rpcs.serving(answer, VIEWER, **limits) as two:
        stubs = [one, two] * 25
        outcomes = await asyncio.gather(*(outcome(stub.one(REQUEST, metadata=metadata)) for stub in stubs))

    assert [status for status, _ in outcomes].count("OK") == 20


async def test_a_call_from_inside_is_not_counted(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    limits: dict[str, Any] = {"rate_limit_per_minute": 2, "redis_url": redis.url}
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    async with rpcs.serving(answer, VIEWER, **limits) as inner:

        async def ask_on(word: str) -> str:
            # As services call each other: with the caller's token, and never with the gateway's mark.
            async with open_channel(inner.server.address, RuntimeSettings()) as channel:
                return " ".join([(await SampleStub(channel).one(REQUEST)).job_id for _ in range(5)])

        async with rpcs.serving(ask_on, VIEWER, **limits) as outer:
            outcomes = [await outcome(outer.one(REQUEST, metadata=metadata)) for _ in range(3)]

    assert [status for status, _ in outcomes] == ["OK", "OK", "RESOURCE_EXHAUSTED"]


async def test_the_operators_own_token_is_not_counted(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    unlimited = (*issuer.bearer(tenant_id, unlimited=True), *OUTSIDE)
    # Only the truth counts, not what merely looks like it.
    pretended = (*issuer.bearer(tenant_id, unlimited="true"), *OUTSIDE)
    async with rpcs.serving(answer, VIEWER, redis_url=redis.url, rate_limit_per_minute=1) as stub:
        free = [await outcome(stub.one(REQUEST, metadata=unlimited)) for _ in range(3)]
        bound = [await outcome(stub.one(REQUEST, metadata=pretended)) for _ in range(2)]

    assert [status for status, _ in free] == ["OK"] * 3
    assert not any(set(FIGURES) & set(told) for _, told in free)
    assert [status for status, _ in bound] == ["OK", "RESOURCE_EXHAUSTED"]


async def test_public_calls_without_a_token_are_not_counted_and_those_with_one_are(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, redis: EmbeddedRedis
) -> None:
    known = (*issuer.bearer(tenant_id), *OUTSIDE)
    async with rpcs.serving(answer, redis_url=redis.url, rate_limit_per_minute=1) as stub:
        unknown = [await outcome(stub.one(REQUEST, metadata=OUTSIDE)) for _ in range(3)]
        identified = [await outcome(stub.one(REQUEST, metadata=known)) for _ in range(2)]

    assert [status for status, _ in unknown] == ["OK"] * 3
    assert [status for status, _ in identified] == ["OK", "RESOURCE_EXHAUSTED"]


async def test_the_same_person_of_two_tenants_has_two_counts(
    rpcs: SampleServers, issuer: TestIssuer, redis: EmbeddedRedis
) -> None:
    subject = str(uuid4())
    async with rpcs.serving(answer, VIEWER, redis_url=redis.url, rate_limit_per_minute=1) as stub:
        for tenant in (uuid4(), uuid4()):
            metadata = (*issuer.bearer(tenant, sub=subject), *OUTSIDE)
            assert [(await outcome(stub.one(REQUEST, metadata=metadata)))[0] for _ in range(2)] == [
                "OK",
                "RESOURCE_EXHAUSTED",
            ]


async def test_limits_of_zero_are_none(rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID) -> None:
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    none: dict[str, Any] = {"rate_limit_per_minute": 0, "rate_limit_per_hour": 0, "rate_limit_per_day": 0}
    async with rpcs.serving(answer, VIEWER, **none) as stub:
        status, told = await outcome(stub.one(REQUEST, metadata=metadata))

    assert (status, set(FIGURES) & set(told)) == ("OK", set())


@pytest.mark.parametrize("hang", [False, True], ids=["killed", "hanging"])
async def test_without_redis_each_process_counts_alone_and_nobody_is_failed_or_kept_waiting(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, caplog: pytest.LogCaptureFixture, hang: bool
) -> None:
    metadata = (*issuer.bearer(tenant_id), *OUTSIDE)
    with redis_of_its_own() as server, caplog.at_level(logging.WARNING, "service_runtime.limits"):
        limits: dict[str, Any] = {"rate_limit_per_minute": 4, "redis_url": server.url}
        async with rpcs.serving(answer, VIEWER, **limits) as one, rpcs.serving(answer, VIEWER, **limits) as two:
            before = [await outcome(stub.one(REQUEST, metadata=metadata)) for stub in (one, two, one, two)]
            with (stopped if hang else killed)(server):
                began = asyncio.get_running_loop().time()
                after = [await outcome(stub.one(REQUEST, metadata=metadata)) for stub in [one, two] * 6]
                seconds = asyncio.get_running_loop().time() - began

    # Nobody is refused yet: who was a moment before would be for the rest of a second.
    assert [status for status, _ in before] == ["OK"] * 4
    # The bound is now the limit times the processes.
    assert [status for status, _ in after].count("OK") == 8
    # If each waited for it: six seconds at least.
    assert seconds < 5
    told = [record for record in caplog.records if "counted in each process" in record.getMessage()]
    assert len(told) == 2


def killed(server: EmbeddedRedis) -> Any:
    return _Meanwhile(server.stop, lambda: None)


def stopped(server: EmbeddedRedis) -> Any:
    [process] = [each for each in psutil.Process().children() if str(server.socket) in " ".join(each.cmdline())]
    return _Meanwhile(process.suspend, process.resume)


class _Meanwhile:
    """Does one thing at the beginning of a block and another at its end."""

    def __init__(self, begin: Any, end: Any) -> None:
        self._begin, self._end = begin, end

    def __enter__(self) -> None:
        self._begin()

    def __exit__(self, *_: object) -> None:
        self._end()
