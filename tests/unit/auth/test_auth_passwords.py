"""How passwords are kept, and that hashing them holds nobody up."""

import asyncio
import logging
import traceback
from collections import Counter

import grpc
import pytest
from argon2 import PasswordHasher
from atalaya.auth.v1 import auth_pb2
from service_runtime.status import from_rpc_error
from support import postgres
from support.auth_running import PASSWORD, RunningAuth, StartAuth
from support.running import refusal


@pytest.fixture(autouse=True)
def cost_of_hashes() -> None:
    """That of the running service."""


async def test_stored_hash_has_the_parameters_and_a_salt_of_its_own(auth: RunningAuth) -> None:
    people = [await auth.register() for _ in range(2)]
    hashes = [stored_hash(auth, person.user.id) for person in people]
    assert all(stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for stored in hashes)
    salts = {stored.split("$")[4] for stored in hashes}
    assert len(salts) == 2
    assert min(map(len, salts)) >= 22  # 16 bytes in base64


async def test_weaker_hash_is_renewed_at_the_next_log_in(auth: RunningAuth) -> None:
    person = await auth.register()
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    auth.query("UPDATE users SET password_hash = %s WHERE user_id = %s", weak, person.user.id)
    await refusal(auth.log_in(person.email, "wrong-password"))
    assert stored_hash(auth, person.user.id) == weak
    await auth.log_in(person.email)
    assert stored_hash(auth, person.user.id).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await auth.log_in(person.email)


async def test_stronger_hash_is_left_alone(auth: RunningAuth) -> None:
    person = await auth.register()
    strong = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1).hash(PASSWORD)
    auth.query("UPDATE users SET password_hash = %s WHERE user_id = %s", strong, person.user.id)
    await auth.log_in(person.email)
    assert stored_hash(auth, person.user.id) == strong


async def test_overload_is_refused_at_once_and_counts_against_nobody(start_auth: StartAuth) -> None:
    async with start_auth(password_hash_threads=1, password_hash_queue=1, login_failures_before_delay=3) as auth:
        person = await auth.register()
        attempts = [auth.log_in(person.email) for _ in range(12)]
        outcomes = await asyncio.gather(*(outcome(attempt) for attempt in attempts))
        assert Counter(outcomes) == {"OK": 2, "OVERLOADED": 10}
        # Those that were shed were no failures of the person's.
        await auth.log_in(person.email)


async def test_overload_says_when_to_come_again(start_auth: StartAuth) -> None:
    async with start_auth(password_hash_threads=1, password_hash_queue=0, login_failures_before_delay=0) as auth:
        person = await auth.register()
        answers = await asyncio.gather(*(auth.log_in(person.email) for _ in range(8)), return_exceptions=True)
    errors = [from_rpc_error(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    # One at least is hashed, and whoever comes meanwhile is sent away at once.
    assert 0 < len(errors) < len(answers)
    assert {(error.reason, getattr(error, "retry_after", None)) for error in errors} == {("OVERLOADED", 1)}


async def test_other_calls_are_answered_while_passwords_are_hashed(start_auth: StartAuth) -> None:
    async with start_auth(password_hash_threads=1, password_hash_queue=10, login_failures_before_delay=0) as auth:
        person = await auth.register()
        log_ins = asyncio.gather(*(auth.log_in(person.email) for _ in range(8)))
        answered = 0
        while not log_ins.done():
            await auth.calls.GetJwks(auth_pb2.GetJwksRequest())
            answered += 1
        await log_ins
    assert answered > 8


@pytest.mark.parametrize("statement", ["DROP TABLE refresh_tokens", "ALTER TABLE users DROP COLUMN full_name"])
async def test_no_log_holds_a_secret(start_auth: StartAuth, caplog: pytest.LogCaptureFixture, statement: str) -> None:
    caplog.set_level("DEBUG")
    database = postgres.database_for("auth")
    async with start_auth(database_url=database.url) as auth:
        person = await auth.register()
        await auth.log_in(person.email)
        await refusal(auth.log_in(person.email, "A-wrong-password-of-mine"))
        await refusal(auth.register(password="short-one"))
        await refusal(auth.register(password="long-one" * 20))
        with postgres.server().connect(database.name) as connection:
            connection.execute(statement)
        assert (await refusal(auth.register())).reason == "INTERNAL"
    logged = "".join(rendered(record) for record in caplog.records)
    assert "call failed unforeseen" in logged
    secrets = [PASSWORD, "A-wrong-password-of-mine", "short-one", "long-one", "$argon2id$", person.reply.access_token]
    assert [secret for secret in secrets if secret in logged] == []


def rendered(record: logging.LogRecord) -> str:
    """Gives a line as it is written, with the whole trace of what went wrong."""
    event = record.msg if isinstance(record.msg, dict) else {}
    error = event.get("exc_info")
    trace = traceback.format_exception(error) if isinstance(error, BaseException) else []
    return f"{event or record.getMessage()}\n{''.join(trace)}"


async def outcome(attempt: object) -> str:
    try:
        await attempt  # type: ignore[misc]
    except Exception as error:
        return "OVERLOADED" if "RESOURCE_EXHAUSTED" in str(error) else repr(error)
    return "OK"


def stored_hash(auth: RunningAuth, user_id: str) -> str:
    (row,) = auth.query("SELECT password_hash FROM users WHERE user_id = %s", user_id)
    return str(row["password_hash"])
