"""API keys: made, exchanged for tokens, listed, revoked; and what is the same for every bad one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import grpc
import psycopg
import pytest
from atalaya.auth.v1 import api_keys_pb2
from auth_service.api_keys import ApiKeys
from auth_service.key_format import compose, is_well_formed, key_hash, new_key
from service_runtime.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    ServiceError,
    Unauthenticated,
)
from service_runtime.identity import Identity
from support.auth_programs import Programs, claims
from support.auth_running import Person, RunningAuth, StartAuth
from support.revocations import redis_of_its_own, refused_soon
from support.running import refusal
from support.statements import statements_sent
from support.tokens import bearer


@pytest.fixture
def programs(auth: RunningAuth) -> Programs:
    return Programs(auth)


@pytest.fixture
async def admin(auth: RunningAuth) -> AsyncIterator[Person]:
    yield await auth.register()


async def test_a_key_is_shown_once_and_only_its_hash_is_stored(programs: Programs, admin: Person) -> None:
    made = await programs.create_key(admin.reply.access_token, name="  nightly   import ", role="viewer")
    assert is_well_formed(made.key)
    assert (made.name, made.role, made.prefix) == ("nightly import", "viewer", made.key[:12])
    (row,) = programs.auth.query("SELECT * FROM api_keys WHERE key_id = %s", made.id)
    assert row["key_hash"] == key_hash(made.key)
    assert made.key[13:] not in str(row)
    (listed,) = (await programs.list_keys(admin.reply.access_token)).api_keys
    assert (listed.id, listed.created_by, listed.HasField("expires_at")) == (made.id, admin.user.id, False)
    assert made.key[13:] not in str(listed)


async def test_a_key_that_is_asked_for_twice_is_made_once_and_its_secret_is_not_shown_again(
    programs: Programs, admin: Person
) -> None:
    request = api_keys_pb2.CreateApiKeyRequest(name="nightly", role="user")
    metadata = (*bearer(admin.reply.access_token), ("idempotency-key", "k"))
    made = await programs.keys.CreateApiKey(request, metadata=metadata)
    error = await refusal(programs.keys.CreateApiKey(request, metadata=metadata))
    assert (error.reason, error.http_status) == ("IDEMPOTENCY_ANSWER_SECRET", 409)
    assert made.id in error.metadata["resource"]
    assert len((await programs.list_keys(admin.reply.access_token)).api_keys) == 1
    (kept,) = programs.auth.query("SELECT * FROM idempotency_keys WHERE tenant_id = %s", admin.user.tenant_id)
    assert made.key[13:] not in str(kept)


async def test_a_key_gives_a_short_token_that_works_as_its_role_says(programs: Programs, admin: Person) -> None:
    made = await programs.create_key(admin.reply.access_token, role="admin")
    reply = await programs.exchange(made.key)
    read = claims(reply.access_token)
    assert (read["sub"], read["sid"], read["role"]) == (f"api-key:{made.id}", made.id, "admin")
    assert (read["username"], read["kind"], read["token_use"]) == (made.prefix, "program", "access")
    assert (read["tenant_id"], read["tz"]) == (admin.user.tenant_id, "America/Lima")
    assert reply.expires_in == 300 == read["exp"] - read["iat"]
    second = await programs.create_key(reply.access_token, role="admin")
    (listed, _) = (await programs.list_keys(reply.access_token)).api_keys
    assert (listed.id, listed.created_by) == (second.id, f"api-key:{made.id}")


async def test_a_key_of_a_lower_role_may_not_make_keys(programs: Programs, admin: Person) -> None:
    reply = await programs.exchange((await programs.create_key(admin.reply.access_token, role="user")).key)
    assert isinstance(await refusal(programs.list_keys(reply.access_token)), PermissionDenied)
    assert isinstance(await refusal(programs.create_key(reply.access_token)), PermissionDenied)


async def test_nobody_makes_a_key_above_their_own_role() -> None:
    # No rpc leads there: only admins may make keys.
    user = Identity(str(uuid4()), uuid4(), "user", "ana", "UTC", str(uuid4()), "")
    untouched: ApiKeys = ApiKeys(None, None, None, most=1, clock=lambda: None, new_id=uuid4)  # type: ignore[arg-type, return-value]
    with pytest.raises(PermissionDenied):
        await untouched.create(user, "key", "admin", None, None)  # type: ignore[arg-type]


async def test_a_token_lives_no_longer_than_a_persons_would(start_auth: StartAuth) -> None:
    async with start_auth(jwt_expiration_minutes=2) as auth:
        programs, person = Programs(auth), await auth.register()
        reply = await programs.exchange((await programs.create_key(person.reply.access_token)).key)
        assert reply.expires_in == 120


async def test_bad_wishes_are_refused(programs: Programs, admin: Person) -> None:
    token = admin.reply.access_token
    past = await refusal(programs.create_key(token, lives=timedelta(seconds=0)))
    assert (type(past), past.reason) == (InvalidArgument, "EXPIRY_PAST")
    text = await refusal(programs.create_key(token, name="a\x07b"))
    assert (type(text), text.reason) == (InvalidArgument, "INVALID_TEXT")


async def test_last_use_is_told_within_30_seconds(programs: Programs, admin: Person) -> None:
    made = await programs.create_key(admin.reply.access_token)
    clock = programs.auth.clock

    async def last_used() -> object:
        (listed,) = (await programs.list_keys(admin.reply.access_token)).api_keys
        return listed.last_used_at.ToDatetime(UTC) if listed.HasField("last_used_at") else None

    assert await last_used() is None
    await programs.exchange(made.key)
    first = clock.now
    assert await last_used() == first
    clock.advance(seconds=29)
    await programs.exchange(made.key)
    assert await last_used() == first
    clock.advance(seconds=1)
    await programs.exchange(made.key)
    assert await last_used() == clock.now


async def test_keys_are_told_newest_first_in_pages_bound_to_the_tenant(programs: Programs, admin: Person) -> None:
    made = [(await programs.create_key(admin.reply.access_token)).id for _ in range(5)]
    found: list[str] = []
    page = await programs.list_keys(admin.reply.access_token, page_size=2)
    other = await programs.auth.register()
    bad = await refusal(programs.list_keys(other.reply.access_token, page_token=page.next_page_token))
    assert bad.reason == "BAD_PAGE_TOKEN"
    while True:
        found += [key.id for key in page.api_keys]
        if not page.next_page_token:
            break
        page = await programs.list_keys(admin.reply.access_token, page_size=2, page_token=page.next_page_token)
    assert found == made[::-1]


async def test_a_revoked_key_stays_in_the_list_and_its_token_is_told_as_dead(programs: Programs, admin: Person) -> None:
    made = await programs.create_key(admin.reply.access_token)
    await programs.exchange(made.key)
    await programs.revoke(admin.reply.access_token, made.id)
    revoked_at = programs.auth.clock.now
    programs.auth.clock.advance(minutes=1)
    await programs.revoke(admin.reply.access_token, made.id)
    (listed,) = (await programs.list_keys(admin.reply.access_token)).api_keys
    assert listed.revoked_at.ToDatetime(UTC) == revoked_at
    (news,) = programs.auth.query("SELECT * FROM revocations WHERE subject = %s", UUID(made.id))
    assert news["until"] >= revoked_at + timedelta(minutes=5, seconds=30)
    assert await reasons(programs, [made.key]) == {"BAD_API_KEY"}


async def test_a_revoked_key_and_its_tokens_die_while_another_lives(start_auth: StartAuth) -> None:
    with redis_of_its_own() as redis:
        async with start_auth(redis_url=redis.url) as auth:
            programs, person = Programs(auth), await auth.register()
            token = person.reply.access_token
            ended, other = [await programs.create_key(token, role="admin") for _ in range(2)]
            request = api_keys_pb2.ListApiKeysRequest()

            def asked_with(metadata: tuple[tuple[str, str], ...]) -> Awaitable[api_keys_pb2.ListApiKeysResponse]:
                return programs.keys.ListApiKeys(request, metadata=metadata)

            for_key = bearer((await programs.exchange(ended.key)).access_token)
            ways = {"BAD_API_KEY": (("x-api-key", ended.key),), "TOKEN_REVOKED": for_key}
            for way in ways.values():
                assert len((await asked_with(way)).api_keys) == 2
            await programs.revoke(token, ended.id)
            for reason, way in ways.items():
                error = await refused_soon(partial(asked_with, way))
                assert (type(error), error.reason) == (Unauthenticated, reason)
            assert len((await asked_with((("x-api-key", other.key),))).api_keys) == 2


async def test_another_tenants_key_looks_like_none(programs: Programs, admin: Person) -> None:
    other = await programs.auth.register()
    made = await programs.create_key(other.reply.access_token)
    for key_id in (made.id, str(uuid4())):
        error = await refusal(programs.revoke(admin.reply.access_token, key_id))
        assert (type(error), error.reason) == (NotFound, "API_KEY_NOT_FOUND")
    assert (await programs.list_keys(admin.reply.access_token)).api_keys == []
    assert (await programs.exchange(made.key)).access_token


async def test_every_bad_key_gets_the_same_answer_after_the_same_statements(programs: Programs, admin: Person) -> None:
    auth, token = programs.auth, admin.reply.access_token
    good, revoked = await programs.create_key(token), await programs.create_key(token)
    expired = await programs.create_key(token, lives=timedelta(minutes=5))
    await programs.revoke(token, revoked.id)
    inactive_person = await auth.register()
    inactive = await programs.create_key(inactive_person.reply.access_token)
    auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", inactive_person.user.tenant_id)
    auth.clock.advance(minutes=5)
    typo = good.key[:-1] + ("a" if good.key[-1] != "a" else "b")
    bad = {"revoked": revoked.key, "expired": expired.key, "inactive": inactive.key, "unknown": new_key(), "typo": typo}
    bad |= {"malformed": "nonsense", "another secret": compose(good.key[4:12], bytes(32))}
    seen = {}
    for name, key in bad.items():
        with statements_sent() as run:
            error = await refusal(programs.exchange(key, source="203.0.113.77"))
        seen[name] = (type(error), error.reason, error.message, tuple(run))
    assert len(set(seen.values())) == 1, seen
    assert seen["typo"][:2] == (Unauthenticated, "BAD_API_KEY")
    assert any("find_api_key" in statement for statement in seen["typo"][3])
    # The control: a good key still passes, with other statements.
    with statements_sent() as run:
        assert (await programs.exchange(good.key, source="203.0.113.77")).access_token
    assert tuple(run) != seen["typo"][3]


async def test_the_database_shows_and_gives_keys_of_one_tenant_only(
    programs: Programs, admin: Person, as_app: psycopg.Connection[dict[str, Any]]
) -> None:
    other = await programs.auth.register()
    own, foreign = [await programs.create_key(person.reply.access_token) for person in (admin, other)]
    query = "SELECT key_id::text FROM api_keys WHERE key_id = ANY(%s::uuid[])"
    both = [own.id, foreign.id]
    assert as_app.execute(query, [both]).fetchall() == []
    with as_app.transaction():
        as_app.execute("SELECT set_config('app.tenant_id', %s, true)", [admin.user.tenant_id])
        assert as_app.execute(query, [both]).fetchall() == [{"key_id": own.id}]
        revoked = as_app.execute("UPDATE api_keys SET revoked_at = now() WHERE key_id = ANY(%s::uuid[])", [both])
        assert revoked.rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_app.transaction():
            as_app.execute("DELETE FROM api_keys")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_app.transaction():
            as_app.execute("UPDATE api_keys SET tenant_id = %s", [other.user.tenant_id])
    # The look-up sees both, each by nothing but its hash, whatever the caller puts in the way.
    as_app.execute("CREATE TEMPORARY TABLE api_keys (key_hash bytea)")
    as_app.execute("SET search_path = pg_temp, public")
    for made in (own, foreign):
        found = as_app.execute("SELECT key_id::text FROM public.find_api_key(%s)", [key_hash(made.key)])
        assert found.fetchall() == [{"key_id": made.id}]


async def test_a_source_that_keeps_trying_has_to_wait_and_no_other(start_auth: StartAuth) -> None:
    async with start_auth(source_failures_before_delay=3) as auth:
        programs, person = Programs(auth), await auth.register()
        good = await programs.create_key(person.reply.access_token)
        for _ in range(5):
            # Good keys are not counted.
            await programs.exchange(good.key, source="198.51.100.7")
        answers = [await refusal(programs.exchange(new_key(), source="198.51.100.7")) for _ in range(4)]
        assert [error.reason for error in answers] == ["BAD_API_KEY"] * 3 + ["TOO_MANY_ATTEMPTS"]
        assert (await refusal(programs.exchange(good.key, source="198.51.100.7"))).reason == "TOO_MANY_ATTEMPTS"
        assert (await programs.exchange(good.key, source="198.51.100.8")).access_token
        # Failures with keys do not shut people out.
        assert (await auth.log_in(person.email, source="198.51.100.7")).access_token
        auth.clock.advance(seconds=2)
        assert (await programs.exchange(good.key, source="198.51.100.7")).access_token


async def test_of_a_hundred_at_once_exactly_one_gets_the_last_key(start_auth: StartAuth) -> None:
    async with start_auth(api_keys_per_tenant=3, rate_limit_per_minute=0) as auth:
        programs, person = Programs(auth), await auth.register()
        token = person.reply.access_token
        ended = await programs.create_key(token, lives=timedelta(minutes=1))
        await programs.revoke(token, (await programs.create_key(token)).id)
        auth.clock.advance(minutes=1)
        for _ in range(2):
            await programs.create_key(token)
        # All connections are open, or the first call would have ended before the second gets one.
        await asyncio.gather(*(programs.list_keys(token) for _ in range(50)))
        answers = await asyncio.gather(*(programs.create_key(token) for _ in range(100)), return_exceptions=True)
        refused = [error for error in answers if isinstance(error, grpc.aio.AioRpcError)]
        assert len(refused) == 99
        error = await refusal(programs.create_key(token))
        assert (type(error), error.reason) == (ResourceExhausted, "QUOTA_EXCEEDED")
        assert error.metadata == {"quota": "api_keys", "limit": "3"}
        living = auth.query(
            "SELECT key_id FROM api_keys WHERE tenant_id = %s AND revoked_at IS NULL AND key_id <> %s",
            person.user.tenant_id,
            UUID(ended.id),
        )
        assert len(living) == 3
        # Another tenant has a quota of its own, and a revoked key makes room.
        assert (await programs.create_key((await auth.register()).reply.access_token)).key
        await programs.revoke(token, str(living[0]["key_id"]))
        assert (await programs.create_key(token)).key


async def test_keys_are_audited_and_appear_in_no_log_trail_or_list(
    programs: Programs, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = admin.reply.access_token
    made = await programs.create_key(token, source="203.0.113.5")
    await programs.exchange(made.key)
    await programs.revoke(token, made.id)
    await refusal(programs.exchange(made.key, source="203.0.113.6"))
    trail = programs.auth.query(
        "SELECT * FROM audit_events WHERE tenant_id = %s AND action LIKE 'api_key.%%' ORDER BY event_id",
        admin.user.tenant_id,
    )
    assert [(event["action"], event["outcome"], event["actor"], event["source"]) for event in trail] == [
        ("api_key.create", "OK", admin.user.id, "203.0.113.5"),
        ("api_key.revoke", "OK", admin.user.id, ""),
        ("api_key.use", "FAILED", f"api-key:{made.id}", "203.0.113.6"),
    ]
    assert {event["resource"] for event in trail} == {f"api-keys/{made.id}"}
    assert "CreateApiKey" in caplog.text
    listed = await programs.list_keys(token)
    events = await programs.events(token)
    secret = made.key[13:]
    for place in (caplog.text, str(trail), str(listed), str(events), str(made.id)):
        assert secret not in place


async def reasons(programs: Programs, keys: list[str]) -> set[str]:
    errors: list[ServiceError] = [await refusal(programs.exchange(key)) for key in keys]
    return {error.reason for error in errors}
