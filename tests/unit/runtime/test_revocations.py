"""Sessions that ended are refused by every server, and Redis stands in nobody's way."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from uuid import UUID, uuid4

import pytest
from local_suite.redis import EmbeddedRedis
from service_runtime.redis_client import open_redis
from service_runtime.revocations import RedisAway, Revocation, RevocationNews, Revocations
from support.revocations import redis_of_its_own, refused_soon, somebody
from support.sample_rpcs import Request, SamplePolicy, SampleServers
from support.tokens import TestIssuer

REQUEST = Request(job_id="x")
VIEWER = SamplePolicy("viewer")


async def answer(_word: str) -> str:
    return "ok"


def ended(session_id: str) -> Revocation:
    return Revocation("session", session_id, time.time() + 60)


@pytest.fixture
def own_redis() -> Iterator[EmbeddedRedis]:
    with redis_of_its_own() as redis:
        yield redis


@pytest.fixture
async def news(own_redis: EmbeddedRedis) -> AsyncIterator[RevocationNews]:
    async with open_redis(own_redis.url) as client:
        yield RevocationNews(client, keep_seconds=60)


async def test_ended_session_is_refused_by_every_server(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    session_id = str(uuid4())
    bearer, other = issuer.bearer(tenant_id, sid=session_id), issuer.bearer(tenant_id)
    async with (
        rpcs.serving(answer, VIEWER, redis_url=own_redis.url) as one,
        rpcs.serving(answer, SamplePolicy(public=True), redis_url=own_redis.url) as two,
    ):
        for stub in (one, two):
            await stub.one(REQUEST, metadata=bearer)
        await news.tell_all([ended(session_id)])
        for stub in (one, two):
            error = await refused_soon(partial(stub.one, REQUEST, metadata=bearer))
            assert (error.reason, error.http_status) == ("TOKEN_REVOKED", 401)
            await stub.one(REQUEST, metadata=other)


async def test_news_from_before_the_start_is_known_to_the_first_call(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    session_id = str(uuid4())
    await news.tell_all([ended(session_id)])
    async with rpcs.serving(answer, VIEWER, redis_url=own_redis.url) as stub:
        call = stub.one(REQUEST, metadata=issuer.bearer(tenant_id, sid=session_id))
        assert (await refused_soon(lambda: call)).reason == "TOKEN_REVOKED"


async def test_killed_redis_keeps_nobody_waiting_and_what_is_known_stays_known(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    known, unknown = str(uuid4()), str(uuid4())
    await news.tell_all([ended(known)])
    async with rpcs.serving(answer, VIEWER, redis_url=own_redis.url) as stub:
        own_redis.stop()
        with pytest.raises(RedisAway):
            await news.tell([ended(unknown)])
        began = time.monotonic()
        for _ in range(20):
            await stub.one(REQUEST, metadata=issuer.bearer(tenant_id, sid=unknown))
        # If each waited for it: ten seconds at least.
        assert time.monotonic() - began < 8
        refused = issuer.bearer(tenant_id, sid=known)
        assert (await refused_soon(lambda: stub.one(REQUEST, metadata=refused))).reason == "TOKEN_REVOKED"
        # It comes back empty, and is told anew.
        own_redis.start()
        assert not await news.are_kept()
        await news.tell_all([ended(unknown)])
        bearer = issuer.bearer(tenant_id, sid=unknown)
        assert (await refused_soon(lambda: stub.one(REQUEST, metadata=bearer))).reason == "TOKEN_REVOKED"


async def test_server_starts_and_answers_without_redis(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, own_redis: EmbeddedRedis
) -> None:
    own_redis.stop()
    async with rpcs.serving(answer, VIEWER, redis_url=own_redis.url) as stub:
        assert (await stub.one(REQUEST, metadata=issuer.bearer(tenant_id))).job_id == "ok"


async def test_news_is_not_added_to_a_redis_that_lost_what_was_told(news: RevocationNews) -> None:
    assert not await news.tell([ended("a")])
    assert not await news.are_kept()
    await news.tell_all([])
    assert await news.tell([ended("a")])
    assert await news.are_kept()


async def test_what_has_expired_anyway_is_forgotten(own_redis: EmbeddedRedis, news: RevocationNews) -> None:
    old, young = str(uuid4()), str(uuid4())
    await news.tell_all([Revocation("session", old, 1_000), Revocation("session", young, 3_000)])
    revocations = await read_once(own_redis, clock=lambda: 2_000)
    assert [revocations.is_revoked(somebody(session_id=session_id)) for session_id in (old, young)] == [False, True]


async def test_revoked_tenant_loses_people_and_programs_but_not_the_services_that_erase_it(
    own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    tenant_id = uuid4()
    await news.tell_all([Revocation("tenant", str(tenant_id), time.time() + 60)])
    revocations = await read_once(own_redis)
    assert revocations.is_revoked(somebody(tenant_id=tenant_id))
    assert revocations.is_revoked(somebody(tenant_id=tenant_id, kind="program"))
    assert not revocations.is_revoked(somebody(tenant_id=tenant_id, kind="service"))
    assert not revocations.is_revoked(somebody())


async def test_tokens_of_older_rights_are_void_whatever_the_order_of_the_news(
    own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    subject = str(uuid4())
    until = time.time() + 60
    await news.tell_all([Revocation("person", subject, until, version) for version in (2, 3, 1)])
    revocations = await read_once(own_redis)
    held = [revocations.is_revoked(somebody(subject=subject, access_version=version)) for version in range(5)]
    assert held == [True, True, True, False, False]
    assert not revocations.is_revoked(somebody(access_version=0))


async def test_revoked_key_loses_the_tokens_that_were_given_for_it(
    own_redis: EmbeddedRedis, news: RevocationNews
) -> None:
    key_id = str(uuid4())
    await news.tell_all([Revocation("session", key_id, time.time() + 60)])
    revocations = await read_once(own_redis)
    assert revocations.is_revoked(somebody(kind="program", session_id=key_id))


async def test_news_as_older_servers_tell_it_is_read(own_redis: EmbeddedRedis) -> None:
    session_id = str(uuid4())
    async with open_redis(own_redis.url) as client:
        await client.xadd("atalaya:revocations", {"session": session_id, "until": str(time.time() + 60)})
    assert (await read_once(own_redis)).is_revoked(somebody(session_id=session_id))


async def read_once(own_redis: EmbeddedRedis, clock: Callable[[], float] = time.time) -> Revocations:
    async with open_redis(own_redis.url) as client:
        revocations = Revocations(client, clock)
        await revocations.start()
        await revocations.close()
    return revocations
