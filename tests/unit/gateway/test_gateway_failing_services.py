"""What the gateway does while a service is away, slow or has changed its keys."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
from atalaya.analytics.v1.system_pb2 import GetHealthRequest
from atalaya.analytics.v1.system_pb2_grpc import SystemServiceStub
from service_runtime.server import Server
from support.backend_servicer import build_backend
from support.gateway_process import GatewayProcess
from support.running import refusal


@dataclass
class Suite:
    """A gateway of its own, and a backend that comes and goes."""

    client: httpx.AsyncClient
    address: str

    async def start(self, signer: Any) -> Server:
        server, _ = build_backend(f"unix:{self.address}", json.dumps({"keys": [signer.jwk()]}).encode())
        await server.start()
        return server

    async def until(self, status: int, path: str, headers: dict[str, str]) -> None:
        """Asks again until the answer has a status, which is within ten seconds where nothing else runs."""
        async with asyncio.timeout(60):
            while (await self.client.get(path, headers=headers)).status_code != status:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
async def suite() -> AsyncIterator[Suite]:
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        address = str(Path(name) / "backend.sock")
        process = GatewayProcess(Path(name), address, reply_timeout_seconds=1)
        await process.start()
        try:
            async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
                yield Suite(client, address)
        finally:
            process.stop()


def bearer(signer: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {signer.token()}"}


async def test_a_service_that_is_away_is_503_until_it_is_back(suite: Suite, new_signer: Any) -> None:
    before = await suite.client.get("/health")
    server = await suite.start(new_signer("only"))
    await suite.until(200, "/health", {})
    await server.stop()
    after = await suite.client.get("/health")
    server = await suite.start(new_signer("only"))
    await suite.until(200, "/health", {})
    await server.stop()

    for response in (before, after):
        assert (response.status_code, response.json()["code"]) == (503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "1"
        assert response.headers["content-type"] == "application/json"


async def test_many_calls_at_once_of_a_service_that_is_away_are_told_that_it_is_away(suite: Suite) -> None:
    # More than may be tried again at a time, which is no reason to speak of too many calls.
    replies = await asyncio.gather(*(suite.client.get("/health") for _ in range(40)))

    assert {(reply.status_code, reply.json()["code"]) for reply in replies} == {(503, "UNAVAILABLE")}
    async with grpc.aio.insecure_channel(str(suite.client.base_url.netloc.decode())) as channel:
        health = SystemServiceStub(channel).GetHealth
        refusals = await asyncio.gather(*(refusal(health(GetHealthRequest())) for _ in range(40)))
    assert {error.grpc_code for error in refusals} == {grpc.StatusCode.UNAVAILABLE}
    assert [error.message for error in refusals if "Too many" in error.message] == []


async def test_a_token_that_cannot_be_judged_is_not_called_bad(suite: Suite, new_signer: Any) -> None:
    signer = new_signer("only")

    away = await suite.client.get("/api/v1/users/me", headers=bearer(signer))
    server = await suite.start(signer)
    await suite.until(200, "/health", {})
    # Whether Envoy has the key by now or not: the service has it.
    back = await suite.client.get("/api/v1/users/me", headers=bearer(signer))

    await server.stop()
    assert (away.status_code, away.json()["code"]) == (503, "UNAVAILABLE")
    assert back.status_code == 200


async def test_a_service_that_does_not_answer_in_time_is_504(suite: Suite, new_signer: Any) -> None:
    signer = new_signer("only")
    server = await suite.start(signer)
    await suite.until(200, "/api/v1/users/me", bearer(signer))

    response = await suite.client.get("/api/v1/rfm/cliente/slow", headers=bearer(signer))

    await server.stop()
    assert (response.status_code, response.json()["code"]) == (504, "DEADLINE_EXCEEDED")


async def test_tokens_of_a_new_key_are_taken_at_once(suite: Suite, new_signer: Any) -> None:
    first, second = new_signer("first"), new_signer("second")
    server = await suite.start(first)
    await suite.until(200, "/api/v1/users/me", bearer(first))
    await server.stop()
    server = await suite.start(second)
    await suite.until(200, "/health", {})

    fresh = await suite.client.get("/api/v1/users/me", headers=bearer(second))
    old = await suite.client.get("/api/v1/users/me", headers=bearer(first))

    await server.stop()
    assert (fresh.status_code, old.status_code) == (200, 401)
