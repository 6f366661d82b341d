"""Changing a password: who knows the old one, and what ends with it."""

import asyncio

import grpc
import pytest
from service_runtime.errors import InvalidArgument, ResourceExhausted, Unauthenticated
from support.auth_running import PASSWORD, RunningAuth, StartAuth
from support.revocations import redis_of_its_own, refused_soon
from support.running import refusal

NEW = "nine-Llamas-on-a-tall-hill"


async def test_new_password_takes_the_place_of_the_old_one(auth: RunningAuth) -> None:
    person = await auth.register()
    await auth.change_password(person.reply.access_token, PASSWORD, NEW)
    assert isinstance(await refusal(auth.log_in(person.email)), Unauthenticated)
    assert (await auth.log_in(person.email, NEW)).access_token


async def test_all_other_sessions_end(start_auth: StartAuth) -> None:
    with redis_of_its_own() as redis:
        async with start_auth(redis_url=redis.url) as auth:
            person = await auth.register()
            elsewhere = await auth.log_in(person.email)
            await auth.change_password(person.reply.access_token, PASSWORD, NEW)
            assert isinstance(await refusal(auth.refresh(elsewhere.refresh_token)), Unauthenticated)
            assert (await refused_soon(lambda: auth.me(elsewhere.access_token))).reason == "TOKEN_REVOKED"
            assert (await auth.me(person.reply.access_token)).id == person.user.id
            assert (await auth.refresh(person.reply.refresh_token)).access_token


async def test_token_without_the_old_password_changes_nothing(auth: RunningAuth) -> None:
    person = await auth.register()
    elsewhere = await auth.log_in(person.email)
    error = await refusal(auth.change_password(person.reply.access_token, "wrong-password", NEW))
    assert isinstance(error, InvalidArgument)
    assert error.reason == "WRONG_PASSWORD"
    assert (await auth.refresh(elsewhere.refresh_token)).access_token
    assert (await auth.log_in(person.email)).access_token


async def test_wrong_passwords_are_counted_as_failed_log_ins(auth: RunningAuth) -> None:
    person = await auth.register()
    for _ in range(10):
        await refusal(auth.change_password(person.reply.access_token, "wrong-password", NEW))
    error = await refusal(auth.change_password(person.reply.access_token, PASSWORD, NEW))
    assert isinstance(error, ResourceExhausted)
    assert isinstance(await refusal(auth.log_in(person.email)), ResourceExhausted)


@pytest.mark.parametrize("new", ["password2024", "Rosa Quispe Huamán"])
async def test_guessable_password_is_refused(auth: RunningAuth, new: str) -> None:
    person = await auth.register(full_name="Rosa Quispe Huamán")
    error = await refusal(auth.change_password(person.reply.access_token, PASSWORD, new))
    assert error.reason == "PASSWORD_TOO_COMMON"
    assert (await auth.log_in(person.email)).access_token


async def test_log_ins_under_way_with_the_old_password_do_not_outlive_it(auth: RunningAuth) -> None:
    person = await auth.register()
    logging_in = [asyncio.create_task(_log_in(auth, person.email)) for _ in range(6)]
    await auth.change_password(person.reply.access_token, PASSWORD, NEW)
    for refresh_token in await asyncio.gather(*logging_in):
        if refresh_token:
            assert isinstance(await refusal(auth.refresh(refresh_token)), Unauthenticated)
    assert len((await auth.list_sessions(person.reply.access_token)).sessions) == 1


async def test_change_is_recorded_also_when_it_fails(auth: RunningAuth) -> None:
    person = await auth.register()
    await refusal(auth.change_password(person.reply.access_token, "wrong-password", NEW))
    await auth.change_password(person.reply.access_token, PASSWORD, NEW)
    events = auth.query(
        "SELECT actor, outcome FROM audit_events WHERE tenant_id = %s AND action = %s ORDER BY event_id",
        person.user.tenant_id,
        "user.change_password",
    )
    assert [tuple(event.values()) for event in events] == [(person.user.id, "FAILED"), (person.user.id, "OK")]


async def _log_in(auth: RunningAuth, email: str) -> str | None:
    try:
        return (await auth.log_in(email)).refresh_token
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        return None
