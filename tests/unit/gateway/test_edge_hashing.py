"""The gateway lets only so many calls in at once that hash a password, and refuses the rest by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
from atalaya.auth.v1 import auth_pb2
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceStub
from support.gateway_process import GatewayProcess

LOG_IN = {"email": "rosa@techcorp.example", "password": "wrong"}
PLACES = 3


@pytest.fixture
async def narrow(edge: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with few places, before the same backend."""
    process = GatewayProcess(tmp_path, str(edge.log.with_name("backend.sock")), password_hash_places=PLACES)
    await process.start()
    async with httpx.AsyncClient(base_url=process.url, timeout=20) as client:
        yield client
    process.stop()


@pytest.fixture
def stalled(edge: Any) -> asyncio.Event:
    """Passwords are not answered until the event is set."""
    checks: asyncio.Event = edge.auth.checks_passwords
    checks.clear()
    return checks


async def test_one_log_in_too_many_is_refused_at_once_and_told_when_to_come_back(
    narrow: httpx.AsyncClient, stalled: asyncio.Event
) -> None:
    calls = [asyncio.create_task(narrow.post("/api/v1/auth/login", json=LOG_IN)) for _ in range(PLACES + 4)]
    refused = []
    for call in asyncio.as_completed(calls):
        reply = await call
        if reply.status_code == 503:
            refused.append(reply)
        if len(refused) == 4:
            stalled.set()

    assert sorted(call.result().status_code for call in calls) == [401] * PLACES + [503] * 4
    assert {(reply.json()["code"], reply.headers["retry-after"]) for reply in refused} == {("OVERLOADED", "1")}


async def test_a_grpc_caller_is_told_the_same(narrow: httpx.AsyncClient, stalled: asyncio.Event) -> None:
    calls = [asyncio.create_task(narrow.post("/api/v1/auth/login", json=LOG_IN)) for _ in range(PLACES + 1)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)

    async with grpc.aio.insecure_channel(str(narrow.base_url.netloc.decode())) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await AuthServiceStub(channel).Login(auth_pb2.LoginRequest(**LOG_IN))
    stalled.set()
    await asyncio.gather(*calls)

    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert refused.value.details() == "Too many such requests are in work right now; try again."


async def test_while_all_places_are_taken_other_calls_of_the_same_service_are_answered(
    narrow: httpx.AsyncClient, stalled: asyncio.Event
) -> None:
    calls = [asyncio.create_task(narrow.post("/api/v1/auth/login", json=LOG_IN)) for _ in range(PLACES + 1)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)

    keys = await narrow.get("/.well-known/jwks.json")
    stalled.set()

    assert keys.status_code == 200
    assert sorted([(await call).status_code for call in calls]) == [401] * PLACES + [503]


async def test_places_are_free_again_when_their_calls_are_answered(narrow: httpx.AsyncClient) -> None:
    rounds = [
        await asyncio.gather(*(narrow.post("/api/v1/auth/login", json=LOG_IN) for _ in range(PLACES))) for _ in range(3)
    ]

    assert {reply.status_code for each in rounds for reply in each} == {401}
