"""Limits of an identity through the real gateway, over two service processes that share one Redis."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc
from local_suite.redis import EmbeddedRedis
from support.backend_process import backend_process
from support.gateway_process import GatewayProcess

LIMIT, MORE = 20, 15
# Two rpcs of two services, which are two processes here.
PATHS = ("/crud/publicaciones/bcp", "/api/v1/rfm/cliente/17")
FIGURES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@dataclass
class Limited:
    """A gateway before services that have limits."""

    client: httpx.AsyncClient
    port: int
    bearer: Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
async def limited(redis: EmbeddedRedis, new_signer: Any) -> AsyncIterator[Limited]:
    signer = new_signer("limits")
    environment = {"REDIS_URL": redis.url, "RATE_LIMIT_PER_MINUTE": str(LIMIT)}
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        folder = Path(name)
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [signer.jwk()]}))
        one, two = folder / "one.sock", folder / "two.sock"
        with backend_process(one, jwks, **environment), backend_process(two, jwks, **environment):
            process = GatewayProcess(folder, str(one), {"analytics": str(two)})
            await process.start()
            try:
                async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
                    await both_answer(client, signer)
                    yield Limited(client, process.port, lambda **claims: bearer(signer, **claims))
            finally:
                process.stop()


def bearer(signer: Any, **claims: Any) -> dict[str, str]:
    """Gives the headers of somebody new."""
    return {"authorization": f"Bearer {signer.token(**{'sub': str(uuid4()), **claims})}"}


async def both_answer(client: httpx.AsyncClient, signer: Any) -> None:
    async with asyncio.timeout(30):
        for path in PATHS:
            while (await client.get(path, headers=bearer(signer))).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_of_parallel_requests_exactly_so_many_pass(limited: Limited) -> None:
    somebody = limited.bearer()

    replies = await asyncio.gather(
        *(limited.client.get(PATHS[number % 2], headers=somebody) for number in range(LIMIT + MORE))
    )
    another = await limited.client.get(PATHS[0], headers=limited.bearer())

    assert Counter(reply.status_code for reply in replies) == {200: LIMIT, 429: MORE}
    remaining = sorted(int(reply.headers["x-ratelimit-remaining"]) for reply in replies if reply.status_code == 200)
    assert remaining == list(range(LIMIT))
    assert another.status_code == 200


async def test_the_refusal_is_told_in_body_and_headers(limited: Limited) -> None:
    somebody = limited.bearer()
    for _ in range(LIMIT):
        await limited.client.get(PATHS[0], headers=somebody)

    reply = await limited.client.get(PATHS[1], headers={**somebody, "origin": "http://localhost:3000"})

    assert (reply.status_code, reply.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    assert [reply.headers[name] for name in FIGURES[:2]] == [str(LIMIT), "0"]
    # A page may read them as well.
    assert {*FIGURES, "retry-after"} <= set(reply.headers["access-control-expose-headers"].split(", "))


async def test_for_a_second_the_gateway_refuses_by_itself_whom_a_service_refused(limited: Limited) -> None:
    somebody = limited.bearer()
    for _ in range(LIMIT):
        await limited.client.get(PATHS[0], headers=somebody)
    async with asyncio.timeout(60):
        # The words of the service, then of the gateway, and after a second of the service again.
        for words in ("You may make", "Too many requests", "You may make"):
            reply = await limited.client.get(PATHS[1], headers=somebody)
            while not reply.json()["detail"].startswith(words):
                reply = await limited.client.get(PATHS[1], headers=somebody)
            assert (reply.status_code, reply.json()["code"]) == (429, "RATE_LIMITED")
            assert reply.json()["request_id"] == reply.headers["x-request-id"]
            assert [reply.headers[name] for name in FIGURES[:2]] == [str(LIMIT), "0"]
            assert reply.headers["retry-after"] == reply.headers["x-ratelimit-reset"]
            assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert (await limited.client.get(PATHS[1], headers=limited.bearer())).status_code == 200


async def test_good_and_bad_replies_tell_the_figures(limited: Limited) -> None:
    somebody = limited.bearer()

    found = await limited.client.get(PATHS[1], headers=somebody)
    missing = await limited.client.get("/api/v1/rfm/cliente/missing", headers=somebody)
    unknown = await limited.client.get("/health")

    assert (found.status_code, missing.status_code) == (200, 404)
    assert [reply.headers["x-ratelimit-remaining"] for reply in (found, missing)] == [str(LIMIT - 1), str(LIMIT - 2)]
    assert not set(FIGURES) & set(unknown.headers)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"x-through-gateway": ""},
        {"X-Through-Gateway": "0"},
        {"connection": "x-through-gateway"},
        {"x-envoy-internal": "true"},
        {"x-forwarded-for": "10.0.0.1"},
    ],
)
async def test_no_header_takes_a_caller_out_of_the_count(limited: Limited, more: dict[str, str]) -> None:
    somebody = limited.bearer()

    before = await limited.client.get(PATHS[0], headers={**somebody, **more})
    after = await limited.client.get(PATHS[0], headers={**somebody, **more})

    assert int(before.headers["x-ratelimit-remaining"]) - int(after.headers["x-ratelimit-remaining"]) == 1


async def test_native_grpc_counts_with_rest(limited: Limited) -> None:
    somebody = limited.bearer()
    metadata = tuple(somebody.items())
    await limited.client.get(PATHS[0], headers=somebody)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{limited.port}") as channel:
        stub = rfm_pb2_grpc.RfmServiceStub(channel)
        call = stub.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta="17"), metadata=metadata)
        told = dict(await call.initial_metadata())
        await call
        for _ in range(LIMIT - 2):
            await stub.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta="17"), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta="17"), metadata=metadata)

    assert told["x-ratelimit-remaining"] == str(LIMIT - 2)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "RATE_LIMITED" in str(refused.value.trailing_metadata())
    assert int(dict(refused.value.initial_metadata() or ())["retry-after"]) >= 1


async def test_the_operators_token_is_free(limited: Limited) -> None:
    operator = limited.bearer(unlimited=True)

    replies = [await limited.client.get(PATHS[0], headers=operator) for _ in range(LIMIT + 5)]

    assert {reply.status_code for reply in replies} == {200}
