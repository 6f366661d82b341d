"""Access tokens of an ended session stop working while Redis is up, and nothing stops while it is down."""

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
import redis
from auth_service.__main__ import provision
from auth_service.config import Settings
from auth_service.provisioning import Wanted
from auth_service.store import Store
from local_suite.redis import EmbeddedRedis
from service_runtime.database import Database
from service_runtime.identity import Identity
from service_runtime.redis_client import open_redis
from service_runtime.revocations import Revocations
from support.auth_running import PASSWORD, RunningAuth, StartAuth
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


async def test_changed_role_makes_older_tokens_void_and_refreshing_gives_the_new_one(
    start_auth: StartAuth, settings: Settings, own_redis: EmbeddedRedis
) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        await provision(settings, person_named("risen", "viewer"))
        before = await auth.log_in("risen@example.com")
        await provision(settings, person_named("risen", "admin"))
        assert await reason_soon(auth, before.access_token) == "TOKEN_REVOKED"
        after = await auth.refresh(before.refresh_token)
        claims = jwt.decode(after.access_token, options={"verify_signature": False})
        assert (claims["role"], claims["ver"]) == ("admin", 1)
        assert (await auth.me(after.access_token)).role == "admin"
        # Who logs in anew has the new role too.
        assert (await auth.me((await auth.log_in("risen@example.com")).access_token)).role == "admin"


async def test_inactive_person_loses_every_token_within_a_second(
    start_auth: StartAuth, settings: Settings, own_redis: EmbeddedRedis
) -> None:
    async with start_auth(redis_url=own_redis.url) as auth:
        await provision(settings, person_named("gone", "user"))
        tokens = [await auth.log_in("gone@example.com") for _ in range(2)]
        await provision(settings, person_named("gone", "user", is_active=False))
        for token in tokens:
            assert await is_known_to_others(token.access_token, own_redis)
            assert (await refusal(auth.refresh(token.refresh_token))).reason == "BAD_REFRESH_TOKEN"


async def test_what_is_revoked_twice_keeps_the_higher_version_and_the_later_end(
    settings: Settings, auth: RunningAuth
) -> None:
    tenant_id, user_id, now = uuid4(), uuid4(), auth.clock()
    database = Database(settings.database_url)
    for version, minutes in ((2, 1), (1, 3), (2, 2)):
        async with Store(database).tenant(tenant_id) as records:
            await records.revoke_versions(user_id, version, now + timedelta(minutes=minutes))
    await database.close()
    found = auth.query("SELECT kind, version, until FROM revocations WHERE subject = %s", user_id)
    assert found == [{"kind": "person", "version": 2, "until": now + timedelta(minutes=3)}]


async def test_tenant_and_session_of_one_id_are_two_revocations(settings: Settings, auth: RunningAuth) -> None:
    some_id, until = uuid4(), auth.clock() + timedelta(minutes=1)
    database = Database(settings.database_url)
    async with Store(database).tenant(some_id) as records:
        await records.revoke_session(some_id, until)
        await records.revoke_tenant(some_id, until)
    await database.close()
    found = auth.query("SELECT kind FROM revocations WHERE subject = %s ORDER BY kind", some_id)
    assert [row["kind"] for row in found] == ["session", "tenant"]


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
        assert time.monotonic() - began < 20
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


def person_named(name: str, role: str, **fields: object) -> Wanted:
    person = {"username": name, "email": f"{name}@example.com", "role": role, "password": PASSWORD, **fields}
    return Wanted.model_validate({"tenants": [{"name": f"{name}'s company", "users": [person]}]})


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
        if service.is_revoked(bearer_of(access_token)):
            return True
    return False


def bearer_of(access_token: str) -> Identity:
    claims = jwt.decode(access_token, options={"verify_signature": False})
    return somebody(subject=claims["sub"], session_id=claims["sid"], access_version=claims["ver"])


def session_of(access_token: str) -> str:
    return str(jwt.decode(access_token, options={"verify_signature": False})["sid"])
