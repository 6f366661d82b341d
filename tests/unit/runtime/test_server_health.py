"""Health tells the truth about what the service depends on, and a stop lets calls end."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from service_runtime.config import RuntimeSettings
from service_runtime.server import Server
from support.running import running, socket_address
from support.sample_rpcs import Request, SamplePolicy, SampleServicer, SampleStub, add_to_server, policies

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def echo(word: str) -> str:
    return word


def server_at(address: str, **settings: Any) -> Server:
    return Server(
        RuntimeSettings(listen_address=address, **settings),
        policies=policies(SamplePolicy(public=True)),
        verifier=None,
        name="sample",
    )


async def status(channel: grpc.aio.Channel, name: str = "") -> int:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return int((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status)


async def test_the_whole_depends_on_critical_checks_only_and_each_can_be_asked() -> None:
    async def up() -> None: ...

    async def down() -> None:
        raise RuntimeError("away")

    async with socket_address() as address:
        server = server_at(address)
        server.add(add_to_server, SampleServicer(echo))
        server.add_check("database", up)
        server.add_check("workers", down, critical=False)
        async with running(server) as channel:
            names = ("", "database", "workers", "sample.v1.SampleService")
            assert [await status(channel, name) for name in names] == [SERVING, SERVING, NOT_SERVING, SERVING]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await status(channel, "unheard-of")
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_dependency_that_comes_back_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service_runtime.health.CACHE_SECONDS", 0)
    monkeypatch.setattr("service_runtime.health.CHECK_TIMEOUT_SECONDS", 0.05)
    is_up = asyncio.Event()

    async with socket_address() as address:
        server = server_at(address)
        # Until it is up the check hangs, as a dead network does.
        server.add_check("database", lambda: _wait(is_up))
        async with running(server) as channel:
            assert await status(channel) == NOT_SERVING
            is_up.set()
            assert await status(channel) == SERVING


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_many_who_ask_at_once_cause_one_check() -> None:
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    async with socket_address() as address:
        server = server_at(address)
        server.add_check("database", count)
        async with running(server) as channel:
            await asyncio.gather(*(status(channel) for _ in range(20)))
    assert asked == 1


async def test_a_watcher_is_told_when_the_server_stops() -> None:
    async with socket_address() as address, running(server := server_at(address)) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        call = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await call.read()).status == SERVING
        stopping = asyncio.create_task(server.stop())
        assert (await call.read()).status == NOT_SERVING
        await stopping


async def test_a_call_in_flight_ends_well_before_what_was_opened_is_closed() -> None:
    began, may_end, order = asyncio.Event(), asyncio.Event(), []

    async def slow(word: str) -> str:
        began.set()
        await may_end.wait()
        order.append("replied")
        return word

    async def close() -> None:
        order.append("closed")

    async with socket_address() as address:
        server = server_at(address)
        server.add(add_to_server, SampleServicer(slow))
        server.on_close(close)
        async with running(server) as channel:
            call = SampleStub(channel).one(Request(job_id="x"))
            await began.wait()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0)
            may_end.set()
            assert (await call).job_id == "x"
            await stopping
    assert order == ["replied", "closed"]


async def test_a_free_port_is_found_and_told() -> None:
    server = server_at("127.0.0.1:0")
    async with running(server) as channel:
        assert not server.address.endswith(":0")
        assert await status(channel) == SERVING


async def test_reflection_is_there_only_where_it_is_asked_for() -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    async def names(**settings: Any) -> list[str]:
        async with socket_address() as address:
            server = server_at(address, **settings)
            server.add(add_to_server, SampleServicer(echo))
            async with running(server) as channel:
                stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
                request = reflection_pb2.ServerReflectionRequest(list_services="")
                replies = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
                return [service.name for service in replies[0].list_services_response.service]

    assert "sample.v1.SampleService" in await names(grpc_reflection=True)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await names()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
