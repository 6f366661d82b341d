"""A call to another service carries who calls and how long there is, and its errors come back as they were raised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import grpc
import pytest
from service_runtime import errors
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.identity import caller
from service_runtime.request import current_request
from support.running import refusal
from support.sample_rpcs import Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer

SIGNED_IN = SamplePolicy("viewer")
SETTINGS = RuntimeSettings()


@asynccontextmanager
async def stub_of(behind: SampleStub, **more: Any) -> AsyncIterator[SampleStub]:
    async with open_channel(behind.server.address, SETTINGS, **more) as channel:
        yield SampleStub(channel)


async def about_the_caller(_word: str) -> str:
    request = current_request.get()
    assert request is not None
    return f"{caller().username} {request.request_id}"


async def test_token_and_request_id_go_along(rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID) -> None:
    async with rpcs.serving(about_the_caller, SIGNED_IN) as behind, stub_of(behind) as stub:

        async def ask_behind(word: str) -> str:
            return str((await stub.one(Request(job_id=word))).job_id)

        async with rpcs.serving(ask_behind, SIGNED_IN) as front:
            metadata = (*issuer.bearer(tenant_id, username="ana"), ("x-request-id", "my-request"))
            assert (await front.one(Request(), metadata=metadata)).job_id == "ana my-request"


async def test_a_token_of_its_own_replaces_the_callers(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID
) -> None:
    token = issuer.token(tenant_id, username="worker")
    async with rpcs.serving(about_the_caller, SIGNED_IN) as behind, stub_of(behind, token=token) as stub:
        assert (await stub.one(Request())).job_id.startswith("worker ")


async def test_the_time_that_is_left_goes_along(rpcs: SampleServers) -> None:
    async def seconds_left(_word: str) -> str:
        request = current_request.get()
        assert request is not None
        return str(request.seconds_left())

    async with rpcs.serving(seconds_left) as behind, stub_of(behind) as stub:

        async def ask_behind(word: str) -> str:
            return str((await stub.one(Request(job_id=word))).job_id)

        async with rpcs.serving(ask_behind) as front:
            # gRPC rounds what it sends up a little.
            assert 1 < float((await front.one(Request(), timeout=7)).job_id) < 7.5
            assert 10 < float((await front.one(Request())).job_id) < 30.5


async def test_nobody_is_asked_with_hardly_any_time_left(rpcs: SampleServers) -> None:
    asked: list[str] = []

    async def note(word: str) -> str:
        asked.append(word)
        return word

    async with rpcs.serving(note) as behind, stub_of(behind) as stub:

        async def ask_behind(word: str) -> str:
            return str((await stub.one(Request(job_id=word))).job_id)

        # The service's own limit, so that it is there to tell what it did.
        async with rpcs.serving(ask_behind, default_deadline_seconds=0.09) as front:
            late = await refusal(front.one(Request(job_id="late")))
        async with rpcs.serving(ask_behind, default_deadline_seconds=5) as front:
            await front.one(Request(job_id="in time"))

    assert (late.reason, asked) == ("DEADLINE_EXCEEDED", ["in time"])


async def fail_on_second(word: str) -> str:
    if word == "second":
        raise errors.Conflict("BUSY", "It is busy.", thing="x")
    return word


async def test_each_shape_raises_the_error_again(rpcs: SampleServers) -> None:
    requests = [Request(job_id="first"), Request(job_id="second")]
    async with rpcs.serving(fail_on_second) as behind, stub_of(behind) as stub:
        with pytest.raises(errors.Conflict, match="BUSY"):
            await stub.one(requests[1])
        with pytest.raises(errors.Conflict, match="BUSY"):
            await stub.collect(iter(requests))
        for call in (stub.many(Request(job_id="first second")), stub.talk(iter(requests))):
            replies: list[str] = []
            with pytest.raises(errors.Conflict) as caught:
                async for reply in call:
                    replies += [reply.job_id]
            assert replies == ["first"]
            assert caught.value.metadata == {"thing": "x"}


async def test_an_error_passes_through_two_services_unchanged(rpcs: SampleServers) -> None:
    async with rpcs.serving(fail_on_second) as behind, stub_of(behind) as stub:

        async def ask_behind(word: str) -> str:
            return str((await stub.one(Request(job_id=word))).job_id)

        async with rpcs.serving(ask_behind) as front:
            error = await refusal(front.one(Request(job_id="second")))
    assert (type(error), error.reason) == (errors.Conflict, "BUSY")


@pytest.mark.parametrize(("rpc", "tries"), [("one", 3), ("make", 1)])
async def test_only_reads_are_tried_again_where_the_service_was_away(rpcs: SampleServers, rpc: str, tries: int) -> None:
    calls = 0

    async def away(_word: str) -> str:
        nonlocal calls
        calls += 1
        raise errors.Unavailable("AWAY", "Away.")

    async with rpcs.serving(away) as behind, stub_of(behind) as stub:
        with pytest.raises(errors.Unavailable, match="AWAY"):
            await getattr(stub, rpc)(Request())
    assert calls == tries


async def test_a_read_goes_through_once_the_service_is_back(rpcs: SampleServers) -> None:
    calls = 0

    async def away_once(word: str) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise errors.Unavailable("AWAY", "Away.")
        return word

    async with rpcs.serving(away_once) as behind, stub_of(behind) as stub:
        assert (await stub.one(Request(job_id="x"))).job_id == "x"


async def test_a_service_that_is_not_there_is_unavailable_in_time() -> None:
    async with open_channel("unix:/nowhere/at/all", SETTINGS) as channel:
        with pytest.raises(errors.Unavailable):
            async with asyncio.timeout(60):
                await SampleStub(channel).make(Request())


async def test_giving_up_a_call_gives_up_the_call_behind_it(rpcs: SampleServers) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_word: str) -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    async with rpcs.serving(hang) as behind, stub_of(behind) as stub:
        call = asyncio.ensure_future(_call(stub))
        await began.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 60)
        with pytest.raises((asyncio.CancelledError, grpc.aio.AioRpcError)):
            await call


async def _call(stub: SampleStub) -> None:
    await stub.one(Request())
