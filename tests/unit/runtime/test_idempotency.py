"""A call with an idempotency key is done once, whoever repeats it, and whatever dies in between."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from atalaya.auth.v1.api_keys_pb2 import CreateApiKeyResponse
from service_runtime import idempotency
from service_runtime.database import Database
from service_runtime.errors import Conflict, InvalidArgument, ServiceError
from service_runtime.idempotency import KeptAnswer, note_effect, request_is
from service_runtime.idempotency_store import Claim, IdempotencyStore
from service_runtime.identity import caller
from service_runtime.rest import set_reply_header, set_success_status
from service_runtime.status import from_rpc_error
from sqlalchemy import text
from support.postgres import ServiceDatabase, server
from support.running import refusal
from support.sample_rpcs import Reply, Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer

TAKES_KEYS = SamplePolicy("viewer", idempotency_key=True)
INSERT = text("INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, :body)")
Behave = Callable[[str], Awaitable[str]]
After = Callable[[str], Awaitable[None]]


async def nothing(_body: str) -> None:
    return None


def writing(database: Database, after: After = nothing) -> Behave:
    """Makes what writes a note, with the note of its effect as every change has it, and answers with its number."""

    async def write(body: str) -> str:
        tenant_id = caller().tenant_id
        async with database.tenant_session(tenant_id) as session:
            await session.execute(INSERT, {"tenant_id": tenant_id, "body": body})
            await note_effect(session, f"notes/{body}")
        await after(body)
        return f"{body} {uuid4()}"

    return write


@pytest.fixture
def bearer(issuer: TestIssuer, tenant_id: UUID) -> tuple[tuple[str, str], ...]:
    return issuer.bearer(tenant_id)


@asynccontextmanager
async def serving(rpcs: SampleServers, database: Database, behave: Behave) -> AsyncIterator[SampleStub]:
    async with rpcs.serving(behave, TAKES_KEYS, answers=database) as stub:
        yield stub


async def notes(database: Database, tenant_id: UUID) -> list[str]:
    async with database.tenant_session(tenant_id) as session:
        return list((await session.execute(text("SELECT body FROM notes ORDER BY id"))).scalars())


def change(sample: ServiceDatabase, what: str) -> None:
    with server().connect(sample.name) as connection:
        connection.execute(f"UPDATE idempotency_keys SET {what}".encode())  # noqa: S608


def keyed(bearer: tuple[tuple[str, str], ...], key: str) -> dict[str, Any]:
    return {"metadata": (*bearer, ("idempotency-key", key))}


async def test_the_same_key_and_request_give_the_first_answer_again(
    rpcs: SampleServers, database: Database, tenant_id: UUID, bearer: tuple[tuple[str, str], ...]
) -> None:
    async with serving(rpcs, database, writing(database)) as stub:
        first = await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
        again = await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
        assert again == first
        # The control: without a key, and with another, it is done again.
        assert await stub.make(Request(job_id="a"), metadata=bearer) != first
        assert await stub.make(Request(job_id="a"), **keyed(bearer, "other")) != first
    assert await notes(database, tenant_id) == ["a", "a", "a"]


async def test_status_and_headers_come_again_and_the_repeat_is_marked(
    rpcs: SampleServers, database: Database, bearer: tuple[tuple[str, str], ...]
) -> None:
    async def answer(body: str) -> str:
        set_success_status(202)
        set_reply_header("location", f"/notes/{uuid4()}")
        return body

    seen = []
    async with serving(rpcs, database, answer) as stub:
        for _ in range(2):
            rest = (("x-envoy-original-path", "/a"), ("x-envoy-original-method", "POST"))
            call = stub.make(Request(job_id="a"), metadata=(*bearer, *rest, ("idempotency-key", "k")))
            await call
            seen.append(dict(await call.initial_metadata()))
    assert seen[0] == {name: seen[1][name] for name in ("location", "x-http-status")}
    assert (seen[1]["x-http-status"], seen[1]["idempotent-replayed"]) == ("202", "true")


async def test_fifty_who_come_at_once_with_one_key_are_one(
    rpcs: SampleServers, database: Database, tenant_id: UUID, bearer: tuple[tuple[str, str], ...]
) -> None:
    async with serving(rpcs, database, writing(database)) as stub:

        async def one() -> str:
            try:
                reply: Reply = await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
            except grpc.aio.AioRpcError as error:
                return from_rpc_error(error).reason
            return reply.job_id

        answers = Counter(await asyncio.gather(*(one() for _ in range(50))))
    assert await notes(database, tenant_id) == ["a"]
    answers.pop("IDEMPOTENCY_KEY_IN_USE", None)
    assert len(answers) == 1


async def test_a_key_with_another_request_or_for_another_rpc_is_refused(
    rpcs: SampleServers, database: Database, tenant_id: UUID, bearer: tuple[tuple[str, str], ...]
) -> None:
    async with serving(rpcs, database, writing(database)) as stub:
        await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
        for call in (
            stub.make(Request(job_id="b"), **keyed(bearer, "k")),
            stub.one(Request(job_id="a"), **keyed(bearer, "k")),
        ):
            error = await refusal(call)
            assert (error.reason, error.http_status) == ("IDEMPOTENCY_KEY_REUSED", 409)
    assert await notes(database, tenant_id) == ["a"]


async def test_another_tenants_key_has_nothing_to_do_with_it(
    rpcs: SampleServers,
    database: Database,
    tenant_id: UUID,
    issuer: TestIssuer,
    bearer: tuple[tuple[str, str], ...],
) -> None:
    other = uuid4()
    async with serving(rpcs, database, writing(database)) as stub:
        await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
        await stub.make(Request(job_id="b"), **keyed(issuer.bearer(other), "k"))
    assert await notes(database, tenant_id) == ["a"]
    assert await notes(database, other) == ["b"]


async def test_who_comes_while_the_first_is_under_way_waits_or_is_told_to_come_again(
    rpcs: SampleServers,
    database: Database,
    tenant_id: UUID,
    bearer: tuple[tuple[str, str], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def hold(_body: str) -> None:
        begun.set()
        await may_end.wait()

    async with serving(rpcs, database, writing(database, hold)) as stub:
        first = asyncio.ensure_future(stub.make(Request(job_id="a"), **keyed(bearer, "k")))
        await begun.wait()
        monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.1)
        error = await refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k")))
        assert (error.reason, error.http_status, error.retry_after) == ("IDEMPOTENCY_KEY_IN_USE", 409, 1)
        monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 30)
        waiting = asyncio.ensure_future(stub.make(Request(job_id="a"), **keyed(bearer, "k")))
        may_end.set()
        assert await waiting == await first
    assert await notes(database, tenant_id) == ["a"]


async def test_a_call_that_failed_before_it_did_anything_is_tried_again(
    rpcs: SampleServers, database: Database, bearer: tuple[tuple[str, str], ...]
) -> None:
    failures = iter([InvalidArgument("BAD", "No."), RuntimeError("no"), None])

    async def behave(body: str) -> str:
        failure = next(failures)
        if failure:
            raise failure
        return body

    async with serving(rpcs, database, behave) as stub:
        assert (await refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k")))).reason == "BAD"
        assert (await refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k")))).reason == "INTERNAL"
        assert (await stub.make(Request(job_id="a"), **keyed(bearer, "k"))).job_id == "a"


async def test_a_call_that_failed_after_its_effect_is_not_done_again_and_names_what_it_made(
    rpcs: SampleServers, database: Database, tenant_id: UUID, bearer: tuple[tuple[str, str], ...]
) -> None:
    async def fail(_body: str) -> None:
        raise RuntimeError("the connection broke")

    async with serving(rpcs, database, writing(database, fail)) as stub:
        assert (await refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k")))).reason == "INTERNAL"
        error = await refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k")))
    assert (error.reason, error.metadata["resource"]) == ("IDEMPOTENCY_ANSWER_LOST", "notes/a")
    assert await notes(database, tenant_id) == ["a"]


async def test_the_key_of_a_process_that_died_before_its_effect_may_be_taken(
    database: Database, sample: ServiceDatabase, tenant_id: UUID
) -> None:
    store = IdempotencyStore(database)
    dead, next_one = (Claim(tenant_id, "k", uuid4()) for _ in range(2))
    assert await store.claim(dead, "f", 30) is None
    assert await store.claim(next_one, "f", 30) is not None
    change(sample, "lease_until = now() - interval '1 second'")
    assert await store.claim(next_one, "f", 30) is None


async def test_a_process_that_was_only_thought_dead_does_nothing_any_more(
    rpcs: SampleServers,
    database: Database,
    sample: ServiceDatabase,
    tenant_id: UUID,
    bearer: tuple[tuple[str, str], ...],
) -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()
    write = writing(database)

    async def behave(body: str) -> str:
        if not begun.is_set():
            begun.set()
            await may_go_on.wait()
        return await write(body)

    async with serving(rpcs, database, behave) as stub:
        slow = asyncio.ensure_future(refusal(stub.make(Request(job_id="a"), **keyed(bearer, "k"))))
        await begun.wait()
        change(sample, "lease_until = now() - interval '1 second'")
        second = await stub.make(Request(job_id="a"), **keyed(bearer, "k"))
        may_go_on.set()
        assert (await slow).reason == "IDEMPOTENCY_KEY_IN_USE"
        assert await stub.make(Request(job_id="a"), **keyed(bearer, "k")) == second
    assert await notes(database, tenant_id) == ["a"]


async def test_after_a_day_a_key_is_new_and_old_ones_are_removed(
    rpcs: SampleServers,
    database: Database,
    sample: ServiceDatabase,
    tenant_id: UUID,
    bearer: tuple[tuple[str, str], ...],
) -> None:
    async with serving(rpcs, database, writing(database)) as stub:
        for key in ("k", "l"):
            await stub.make(Request(job_id="a"), **keyed(bearer, key))
        change(sample, "created_at = now() - interval '24 hours 1 second'")
        await stub.make(Request(job_id="b"), **keyed(bearer, "k"))
    assert await notes(database, tenant_id) == ["a", "a", "b"]
    async with database.tenant_session(tenant_id) as session:
        assert (await session.execute(text("SELECT count(*) FROM idempotency_keys"))).scalar_one() == 1


async def test_a_stream_says_what_its_request_was(
    rpcs: SampleServers, database: Database, tenant_id: UUID, bearer: tuple[tuple[str, str], ...]
) -> None:
    write = writing(database)

    async def behave(body: str) -> str:
        await request_is(body)
        return await write(body)

    async with serving(rpcs, database, behave) as stub:
        first = await stub.collect(iter([Request(job_id="a")]), **keyed(bearer, "k"))
        assert await stub.collect(iter([Request(job_id="a")]), **keyed(bearer, "k")) == first
        error = await refusal(stub.collect(iter([Request(job_id="b")]), **keyed(bearer, "k")))
        assert error.reason == "IDEMPOTENCY_KEY_REUSED"
    assert await notes(database, tenant_id) == ["a"]


async def test_an_answer_with_a_secret_is_not_kept_but_what_it_made_is_named(
    database: Database, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service_runtime.request import Request as Call

    monkeypatch.setattr(idempotency, "optional_caller", lambda: type("Caller", (), {"tenant_id": tenant_id}))
    taken = idempotency.Idempotency(IdempotencyStore(database))

    async def make_key() -> CreateApiKeyResponse:
        async with database.tenant_session(tenant_id) as session:
            await note_effect(session, "api-keys/7")
        return CreateApiKeyResponse(key="atl_secret")

    async def call() -> object:
        request = Call("/CreateApiKey", {"idempotency-key": "k"}, "id")
        return await taken.answer(request, Request(job_id="a"), make_key)

    assert not isinstance(await call(), KeptAnswer)
    with pytest.raises(Conflict, match=r"IDEMPOTENCY_ANSWER_SECRET.*api-keys/7"):
        await call()
    async with database.tenant_session(tenant_id) as session:
        assert (await session.execute(text("SELECT answer FROM idempotency_keys"))).scalar_one() is None


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256])
async def test_what_is_no_key_is_refused(
    rpcs: SampleServers, database: Database, bearer: tuple[tuple[str, str], ...], key: str
) -> None:
    async with serving(rpcs, database, writing(database)) as stub:
        error: ServiceError = await refusal(stub.make(Request(job_id="a"), **keyed(bearer, key)))
    assert (error.reason, error.http_status) == ("BAD_IDEMPOTENCY_KEY", 400)
