"""Access tokens of an ended session stop working while Redis is up, and nothing stops while it is down."""

import time
from collections.abc import Iterator

import jwt
import pytest
import redis
from local_suite.redis import EmbeddedRedis
from service_runtime.redis_client import open_redis
from service_runtime.revocations import Revocations
from support.auth_running import RunningAuth, StartAuth
from support.revocations import redis_of_its_own, refused_soon, somebody
from support.running import refusal


@pytest.fixture
def own_redis() -> Iterator[EmbeddedRedis]:
    with redis_of_its_own() as redis:
        yield redis


async def test_access_token_of_an_ended_session_is_refused(start_auth: StartAuth, own_redis: EmbeddedRedis) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        person = await auth.register()
        elsewhere = (await auth.log_in(person.email)).access_token
        await auth.log_out(person.reply.access_token)
        assert await reason_soon(auth, person.reply.access_token) == "TOKEN_REVOKED"
        assert (await auth.me(elsewhere)).id == person.user.id


async def test_refresh_token_used_twice_ends_the_access_tokens_too(
    start_auth: StartAuth, own_redis: EmbeddedRedis
) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        person = await auth.register()
        child = await auth.refresh(person.reply.refresh_token)
        auth.clock.advance(seconds=6)
        await refusal(auth.refresh(person.reply.refresh_token))
        for token in (person.reply.access_token, child.access_token):
            assert await reason_soon(auth, token) == "TOKEN_REVOKED"


async def test_what_redis_lost_is_told_again(start_auth: StartAuth, own_redis: EmbeddedRedis) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        person = await auth.register()
        await auth.log_out(person.reply.access_token)
        await reason_soon(auth, person.reply.access_token)
        with redis.Redis.from_url(own_redis.url) as client:
            client.flushall()
        assert await is_known_to_others(person.reply.access_token, own_redis)
        own_redis.stop()
        own_redis.start()
        assert await is_known_to_others(person.reply.access_token, own_redis)


async def test_log_out_works_without_redis_and_is_told_when_it_is_back(
    start_auth: StartAuth, own_redis: EmbeddedRedis
) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        person = await auth.register()
        own_redis.stop()
        began = time.monotonic()
        await auth.log_out(person.reply.access_token)
        assert (await refusal(auth.refresh(person.reply.refresh_token))).reason == "BAD_REFRESH_TOKEN"
        # Until it expires, or Redis is back.
        assert (await auth.me(person.reply.access_token)).id == person.user.id
        assert time.monotonic() - began < 2
        own_redis.start()
        assert await reason_soon(auth, person.reply.access_token) == "TOKEN_REVOKED"


async def test_what_was_not_told_before_a_restart_is_told_after_it(
    start_auth: StartAuth, own_redis: EmbeddedRedis
) -> None:
    async with start_auth() as auth:
        person = await auth.register()
        await auth.log_out(person.reply.access_token)
    async with start_auth(redis_url=own_redis.url) as auth:
        assert await reason_soon(auth, person.reply.access_token) == "TOKEN_REVOKED"


async def test_ended_sessions_are_forgotten_when_their_tokens_have_expired(
    start_auth: StartAuth, own_redis: EmbeddedRedis
) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        person = await auth.register()
        await auth.log_out(person.reply.access_token)
        await reason_soon(auth, person.reply.access_token)
        auth.clock.advance(hours=1, minutes=2)
        session_id = session_of(person.reply.access_token)
        while auth.query("SELECT FROM revocations WHERE subject = %s", session_id):
            await refusal(auth.me(person.reply.access_token))


async def reason_soon(auth: RunningAuth, access_token: str) -> str:
    return (await refused_soon(lambda: auth.me(access_token))).reason


async def is_known_to_others(access_token: str, own_redis: EmbeddedRedis) -> bool:
    """Asks as services do that start now, until one has heard of it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        async with open_redis(own_redis.url) as client:
            service = Revocations(client)
            await service.start()
            await service.close()
        if service.is_revoked(somebody(session_id=session_of(access_token))):
            return True
    return False


def session_of(access_token: str) -> str:
    return str(jwt.decode(access_token, options={"verify_signature": False})["sid"])
