"""Programs call with API keys: each is exchanged for a token, seldom, and then holds like any token."""

import asyncio
import time
from collections import Counter
from functools import partial
from uuid import UUID, uuid4

import pytest
from local_suite.redis import EmbeddedRedis
from service_runtime import api_keys
from service_runtime.api_keys import ApiKeys
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Internal, ResourceExhausted, ServiceError, Unauthenticated, Unavailable
from service_runtime.identity import caller, optional_caller
from service_runtime.redis_client import open_redis
from service_runtime.revocations import Revocation, RevocationNews
from support.revocations import refused_soon
from support.running import refusal
from support.sample_rpcs import Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer, bearer

REQUEST = Request(job_id="x")
USER = SamplePolicy("user")
KEY = "atl_good"


class KeyCounter:
    """Stands where auth does: knows good keys, and counts how often it is asked."""

    def __init__(self, issuer: TestIssuer) -> None:
        self.issuer = issuer
        self.tenant_id = uuid4()
        self.key_id = str(uuid4())
        self.asked: Counter[str] = Counter()
        self.error: ServiceError | None = None
        self.gate: asyncio.Event | None = None

    async def exchange(self, key: str) -> str:
        self.asked[key] += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if not key.startswith(KEY):
            raise Unauthenticated("BAD_API_KEY", "The API key is not valid.")
        program = {"kind": "program", "sub": f"api-key:{self.key_id}", "username": "atl_good", "sid": self.key_id}
        return self.issuer.token(self.tenant_id, "user", **program)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def signer(issuer: TestIssuer) -> KeyCounter:
    return KeyCounter(issuer)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(signer: KeyCounter, clock: Clock) -> ApiKeys:
    return ApiKeys(signer.exchange, clock)


async def who(_word: str) -> str:
    identity = caller()
    return f"{identity.kind} {identity.role} {identity.tenant_id} {identity.session_id}"


def with_key(key: str = KEY) -> tuple[tuple[str, str], ...]:
    return (("x-api-key", key),)


async def test_key_gives_its_identity_as_a_header_and_as_a_bearer_token(
    rpcs: SampleServers, signer: KeyCounter
) -> None:
    async with rpcs.serving(who, USER, exchange_key=signer.exchange) as stub:
        replies = [await stub.one(REQUEST, metadata=metadata) for metadata in (with_key(), bearer(KEY))]
    assert {reply.job_id for reply in replies} == {f"program user {signer.tenant_id} {signer.key_id}"}
    assert signer.asked == {KEY: 1}


async def test_role_of_a_key_is_its_limit(rpcs: SampleServers, signer: KeyCounter) -> None:
    async with rpcs.serving(who, SamplePolicy("admin"), exchange_key=signer.exchange) as stub:
        assert (await refusal(stub.one(REQUEST, metadata=with_key()))).reason == "ROLE_NOT_SUFFICIENT"


async def test_bad_key_is_refused_on_public_rpcs_too(rpcs: SampleServers, signer: KeyCounter) -> None:
    async def nobody(_word: str) -> str:
        return "somebody" if optional_caller() else "nobody"

    async with rpcs.serving(nobody, exchange_key=signer.exchange) as stub:
        assert (await stub.one(REQUEST)).job_id == "nobody"
        assert (await stub.one(REQUEST, metadata=with_key())).job_id == "somebody"
        error = await refusal(stub.one(REQUEST, metadata=with_key("atl_bad")))
    assert (error.reason, error.http_status) == ("BAD_API_KEY", 401)


async def test_key_beside_a_token_is_refused(
    rpcs: SampleServers, signer: KeyCounter, issuer: TestIssuer, tenant_id: UUID
) -> None:
    async with rpcs.serving(who, USER, exchange_key=signer.exchange) as stub:
        both = (*issuer.bearer(tenant_id), *with_key())
        error = await refusal(stub.one(REQUEST, metadata=both))
        assert (error.reason, error.http_status) == ("AMBIGUOUS_CREDENTIALS", 401)
        for one in (issuer.bearer(tenant_id), with_key()):
            await stub.one(REQUEST, metadata=one)


async def test_server_that_exchanges_no_keys_refuses_them(rpcs: SampleServers) -> None:
    async with rpcs.serving(who, USER) as stub:
        assert (await refusal(stub.one(REQUEST, metadata=with_key()))).reason == "BAD_API_KEY"


async def test_key_works_at_the_next_service_too(rpcs: SampleServers, signer: KeyCounter) -> None:
    async with rpcs.serving(who, USER) as further:
        channel = open_channel(further.server.address, RuntimeSettings())

        async def who_further_on(_word: str) -> str:
            return str((await SampleStub(channel).one(REQUEST)).job_id)

        async with rpcs.serving(who_further_on, USER, exchange_key=signer.exchange) as stub:
            reply = await stub.one(REQUEST, metadata=with_key())
        await channel.close(None)
    assert reply.job_id == f"program user {signer.tenant_id} {signer.key_id}"


async def test_revoked_key_is_refused_by_who_remembers_its_token(
    rpcs: SampleServers, signer: KeyCounter, redis: EmbeddedRedis
) -> None:
    async with (
        open_redis(redis.url) as client,
        rpcs.serving(who, USER, exchange_key=signer.exchange, redis_url=redis.url) as stub,
    ):
        await stub.one(REQUEST, metadata=with_key())
        news = RevocationNews(client, keep_seconds=60)
        await news.tell_all([Revocation("session", signer.key_id, time.time() + 60)])
        error = await refused_soon(partial(stub.one, REQUEST, metadata=with_key()))
    assert (error.reason, error.http_status) == ("BAD_API_KEY", 401)


async def test_signer_that_is_away_makes_the_answer_503(rpcs: SampleServers, signer: KeyCounter) -> None:
    signer.error = Unavailable("UNAVAILABLE", "away")
    async with rpcs.serving(who, USER, exchange_key=signer.exchange) as stub:
        error = await refusal(stub.one(REQUEST, metadata=with_key()))
        assert (error.reason, error.http_status, error.retry_after) == ("API_KEYS_UNAVAILABLE", 503, 1)
        # It is not held against the key.
        signer.error = None
        await stub.one(REQUEST, metadata=with_key())


async def test_token_is_remembered_for_thirty_seconds(keys: ApiKeys, signer: KeyCounter, clock: Clock) -> None:
    token = await keys.token(KEY)
    clock.now += 29.9
    assert await keys.token(KEY) == token
    assert signer.asked[KEY] == 1
    clock.now += 0.2
    await keys.token(KEY)
    assert signer.asked[KEY] == 2


async def test_refusal_is_remembered_for_seconds_only(keys: ApiKeys, signer: KeyCounter, clock: Clock) -> None:
    for _ in range(50):
        await _refused(keys, "atl_bad")
    assert signer.asked["atl_bad"] == 1
    clock.now += 5.1
    await _refused(keys, "atl_bad")
    assert signer.asked["atl_bad"] == 2


@pytest.mark.parametrize("key", ["", "atl", "nothing", "ATL_good", "atl_" + "x" * 253, "atl_ñ"])
async def test_what_cannot_be_a_key_is_refused_without_asking(keys: ApiKeys, signer: KeyCounter, key: str) -> None:
    await _refused(keys, key)
    assert not signer.asked


async def test_calls_at_once_wait_for_one_exchange_and_outlive_the_first(keys: ApiKeys, signer: KeyCounter) -> None:
    signer.gate = asyncio.Event()
    calls = [asyncio.create_task(keys.token(KEY)) for _ in range(20)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.gather(calls[0], return_exceptions=True)
    signer.gate.set()
    assert len(set(await asyncio.gather(*calls[1:]))) == 1
    assert signer.asked[KEY] == 1


@pytest.mark.parametrize(
    "error", [ResourceExhausted("TOO_MANY_ATTEMPTS", "Wait.", retry_after=9), Internal("INTERNAL", "Broken.")]
)
async def test_other_errors_pass_and_are_not_held_against_the_key(
    keys: ApiKeys, signer: KeyCounter, error: ServiceError
) -> None:
    signer.error = error
    with pytest.raises(type(error)):
        await keys.token(KEY)
    signer.error = None
    assert await keys.token(KEY)


async def test_bad_keys_do_not_push_out_good_ones(
    keys: ApiKeys, signer: KeyCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "MOST_REMEMBERED", 3)
    await keys.token(KEY)
    for number in range(10):
        await _refused(keys, f"atl_bad{number}")
    await keys.token(KEY)
    assert signer.asked[KEY] == 1
    for number in range(10):
        await keys.token(f"{KEY}{number}")
    await keys.token(KEY)
    assert signer.asked[KEY] == 2
    assert len(keys._good) == len(keys._bad) == 3


async def test_keys_themselves_are_not_kept(keys: ApiKeys) -> None:
    await keys.token(KEY)
    await _refused(keys, "atl_bad")
    assert KEY not in repr(vars(keys))
    assert "atl_bad" not in repr(vars(keys))


async def _refused(keys: ApiKeys, key: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await keys.token(key)
    assert caught.value.reason == "BAD_API_KEY"
