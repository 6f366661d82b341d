"""Every error of a servicer reaches the caller as its status with its reason, in each shape of rpc."""

import asyncio
import logging

import grpc
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from service_runtime import errors
from service_runtime.database import Database
from service_runtime.errors import ServiceError
from service_runtime.status import from_rpc_error
from support.running import refusal
from support.sample_rpcs import Request, SampleServers, SampleStub


async def behave(word: str) -> str:
    if word == "missing":
        raise errors.NotFound("NOTE_NOT_FOUND", "There is no such note.", note_id=7)
    if word == "broken":
        raise RuntimeError("password=hunter2")
    return word


async def results(stub: SampleStub, shape: str, *words: str) -> tuple[list[str], ServiceError | None]:
    """Calls and gives the replies that came, and the error after them."""
    requests = [Request(job_id=word) for word in words]
    replies: list[str] = []
    try:
        if shape == "one":
            replies.append((await stub.one(requests[0])).job_id)
        elif shape == "collect":
            replies.append((await stub.collect(iter(requests))).job_id)
        else:
            call = stub.many(Request(job_id=" ".join(words))) if shape == "many" else stub.talk(iter(requests))
            async for reply in call:
                replies += [reply.job_id]
    except grpc.aio.AioRpcError as error:
        return replies, from_rpc_error(error)
    return replies, None


SHAPES = pytest.mark.parametrize("shape", ["one", "many", "collect", "talk"])


@SHAPES
async def test_a_service_error_keeps_its_reason_and_variables(rpcs: SampleServers, shape: str) -> None:
    async with rpcs.serving(behave) as stub:
        _, error = await results(stub, shape, "missing")
    assert isinstance(error, errors.NotFound)
    assert (error.reason, error.message) == ("NOTE_NOT_FOUND", "There is no such note.")
    assert error.metadata == {"note_id": "7"}


@pytest.mark.parametrize("shape", ["many", "talk"])
async def test_an_error_after_the_first_reply_still_has_its_status(rpcs: SampleServers, shape: str) -> None:
    async with rpcs.serving(behave) as stub:
        replies, error = await results(stub, shape, "first", "missing")
    assert replies == ["first"]
    assert isinstance(error, errors.NotFound)


@SHAPES
async def test_the_unforeseen_leaves_as_a_fixed_text_and_is_logged_once(
    rpcs: SampleServers, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with rpcs.serving(behave) as stub:
        with caplog.at_level(logging.ERROR):
            _, error = await results(stub, shape, "broken")
    assert isinstance(error, errors.Internal)
    assert error.message == "Something went wrong on our side."
    assert error.metadata["request_id"]
    logged = [record for record in caplog.records if record.name == "service_runtime.calls"]
    # Calls themselves are logged too, at a lower level, where an earlier test has begun that.
    assert len([record for record in logged if record.levelno == logging.ERROR]) == 1


EACH_CLASS = [
    errors.InvalidArgument,
    errors.UnsupportedMediaType,
    errors.Unprocessable,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.NotFound,
    errors.AlreadyExists,
    errors.Conflict,
    errors.PayloadTooLarge,
    errors.RangeNotSatisfiable,
    errors.ResourceExhausted,
    errors.Unavailable,
    errors.DeadlineExceeded,
    errors.Internal,
]


@pytest.mark.parametrize("kind", EACH_CLASS)
async def test_each_error_class_is_the_same_again_at_the_caller(rpcs: SampleServers, kind: type[ServiceError]) -> None:
    async def fail(_word: str) -> str:
        raise kind("SOME_REASON", "A sentence with ñ.", name="value")

    async with rpcs.serving(fail) as stub:
        error = await refusal(stub.one(Request(job_id="x")))
    assert type(error) is kind
    assert (error.reason, error.message, error.metadata) == ("SOME_REASON", "A sentence with ñ.", {"name": "value"})


async def test_retry_after_reaches_the_caller(rpcs: SampleServers) -> None:
    async def fail(_word: str) -> str:
        raise errors.ResourceExhausted("TOO_MANY", "Slow down.", retry_after=17)

    async with rpcs.serving(fail) as stub:
        assert (await refusal(stub.one(Request(job_id="x")))).retry_after == 17


async def test_a_lost_database_or_redis_is_unavailable(rpcs: SampleServers) -> None:
    database = Database("postgresql://nobody@/nothing?host=/nowhere")

    async def ask(word: str) -> str:
        if word == "redis":
            raise RedisConnectionError("unix:///secret/path")
        await database.ping()
        return word

    async with rpcs.serving(ask) as stub:
        for word, reason in (("redis", "REDIS_UNAVAILABLE"), ("database", "DATABASE_UNAVAILABLE")):
            error = await refusal(stub.one(Request(job_id=word)))
            assert (error.reason, error.http_status) == (reason, 503)
    await database.close()


async def test_a_call_that_takes_too_long_is_ended(rpcs: SampleServers) -> None:
    cancelled = asyncio.Event()

    async def hang(_word: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    async with rpcs.serving(hang, default_deadline_seconds=0.05) as stub:
        error = await refusal(stub.one(Request(job_id="x")))
        await cancelled.wait()
    assert (error.reason, error.http_status) == ("DEADLINE_EXCEEDED", 504)


async def test_a_timeout_inside_the_servicer_is_not_taken_for_the_deadline(rpcs: SampleServers) -> None:
    async def time_out(_word: str) -> str:
        raise TimeoutError

    async with rpcs.serving(time_out) as stub:
        assert isinstance(await refusal(stub.one(Request(job_id="x"))), errors.Internal)


async def test_a_call_that_its_caller_gives_up_is_cancelled_in_the_servicer(rpcs: SampleServers) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_word: str) -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    async with rpcs.serving(hang) as stub:
        call = stub.one(Request(job_id="x"))
        await began.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 60)


@SHAPES
async def test_a_broken_limit_of_the_contract_is_refused_before_the_servicer_sees_it(
    rpcs: SampleServers, shape: str
) -> None:
    async with rpcs.serving(behave) as stub:
        _, error = await results(stub, shape, "x" * 101)
    assert isinstance(error, errors.Unprocessable)
    assert error.reason == "INVALID_REQUEST"
    assert [(v.loc, v.type) for v in error.violations] == [(("job_id",), "string.max_len")]


async def test_each_message_of_a_stream_is_checked(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave) as stub:
        replies, error = await results(stub, "talk", "good", "x" * 101)
    assert replies == ["good"]
    assert isinstance(error, errors.Unprocessable)


async def test_a_message_over_the_limit_is_refused(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, max_message_bytes=1024) as stub:
        error = await refusal(stub.one(Request(page_token="x" * 2000)))
    assert isinstance(error, errors.ResourceExhausted)
