"""Refresh: a token is used once, a double click is forgiven, and a stolen one ends the session."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import grpc
import jwt
import pytest
from atalaya.auth.v1 import auth_pb2
from auth_service.tokens import refresh_token_hash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_runtime.errors import Unauthenticated
from support.auth_running import Person, RunningAuth, StartAuth
from support.running import refusal

AT_ONCE = 20


async def test_refreshing_goes_on_with_the_same_session(auth: RunningAuth) -> None:
    person = await auth.register()
    auth.clock.advance(minutes=50)
    reply = await auth.refresh(person.reply.refresh_token)
    auth.clock.advance(minutes=50)
    assert (await auth.me(reply.access_token)).id == person.user.id
    assert (reply.token_type, reply.expires_in) == ("bearer", 3600)
    assert reply.refresh_token != person.reply.refresh_token
    assert claims(reply.access_token)["sid"] == claims(person.reply.access_token)["sid"]
    assert claims(reply.access_token)["jti"] != claims(person.reply.access_token)["jti"]


async def test_session_lives_as_long_as_it_is_refreshed_in_time(auth: RunningAuth) -> None:
    token = (await auth.register()).reply.refresh_token
    for _ in range(3):
        auth.clock.advance(days=29)
        token = (await auth.refresh(token)).refresh_token
    auth.clock.advance(days=30)
    assert_refused(await refusal(auth.refresh(token)))


async def test_new_token_carries_the_role_of_now(auth: RunningAuth) -> None:
    person = await auth.register()
    auth.query("UPDATE users SET role = 'viewer', username = 'rosa' WHERE user_id = %s", person.user.id)
    now = claims((await auth.refresh(person.reply.refresh_token)).access_token)
    assert (now["role"], now["username"]) == ("viewer", "rosa")


async def test_what_is_no_refresh_token_is_refused(auth: RunningAuth) -> None:
    person = await auth.register()
    for token in ("made-up", person.reply.access_token[:512]):
        assert_refused(await refusal(auth.refresh(token)))
    assert (await auth.refresh(person.reply.refresh_token)).access_token


async def test_inactive_person_or_tenant_gets_nothing_new(auth: RunningAuth) -> None:
    one, other = await auth.register(), await auth.register()
    auth.query("UPDATE users SET is_active = false WHERE user_id = %s", one.user.id)
    auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", other.user.tenant_id)
    for person in (one, other):
        assert_refused(await refusal(auth.refresh(person.reply.refresh_token)))
    # Refused, not used up.
    auth.query("UPDATE users SET is_active = true WHERE user_id = %s", one.user.id)
    assert (await auth.refresh(one.reply.refresh_token)).access_token


async def test_double_click_gets_the_same_successor(auth: RunningAuth) -> None:
    person = await auth.register()
    first = await auth.refresh(person.reply.refresh_token)
    auth.clock.advance(seconds=4)
    second = await auth.refresh(person.reply.refresh_token)
    assert second.refresh_token == first.refresh_token
    assert (await auth.refresh(first.refresh_token)).access_token


async def test_second_use_after_the_grace_ends_the_session_and_is_recorded(auth: RunningAuth) -> None:
    person = await auth.register()
    child = (await auth.refresh(person.reply.refresh_token)).refresh_token
    auth.clock.advance(seconds=5)
    assert_refused(await refusal(auth.refresh(person.reply.refresh_token)))
    assert_refused(await refusal(auth.refresh(child)))
    assert_ended(auth, person)


async def test_second_use_after_the_successor_was_used_ends_the_session_at_once(auth: RunningAuth) -> None:
    person = await auth.register()
    child = (await auth.refresh(person.reply.refresh_token)).refresh_token
    grandchild = (await auth.refresh(child)).refresh_token
    assert_refused(await refusal(auth.refresh(person.reply.refresh_token)))
    assert_refused(await refusal(auth.refresh(grandchild)))
    assert_ended(auth, person)


async def test_other_sessions_of_the_person_live_on(auth: RunningAuth) -> None:
    person = await auth.register()
    elsewhere = await auth.log_in(person.email)
    await auth.refresh(person.reply.refresh_token)
    auth.clock.advance(minutes=1)
    await refusal(auth.refresh(person.reply.refresh_token))
    assert (await auth.refresh(elsewhere.refresh_token)).access_token


async def test_parallel_first_uses_get_one_and_the_same_successor(auth: RunningAuth) -> None:
    person = await auth.register()
    replies = await asyncio.gather(*(auth.refresh(person.reply.refresh_token) for _ in range(AT_ONCE)))
    assert len({reply.refresh_token for reply in replies}) == 1
    assert len(living(auth, person)) == 1


async def test_parallel_replays_of_a_used_token_leave_nothing_alive(auth: RunningAuth) -> None:
    person = await auth.register()
    child = (await auth.refresh(person.reply.refresh_token)).refresh_token
    newest = (await auth.refresh(child)).refresh_token
    # The owner refreshes in the middle of it; whoever comes first, the session is over in the end.
    tokens = [person.reply.refresh_token] * (AT_ONCE // 2) + [newest] + [person.reply.refresh_token] * (AT_ONCE // 2)
    outcomes = await asyncio.gather(*(outcome(auth.refresh(token)) for token in tokens))
    assert [token for token, reply in zip(tokens, outcomes, strict=True) if reply and token != newest] == []
    assert_ended(auth, person)


async def test_without_grace_parallel_uses_of_one_token_leave_nothing_alive(start_auth: StartAuth) -> None:
    async with start_auth(refresh_grace_seconds=0) as auth:
        person = await auth.register()
        outcomes = await asyncio.gather(*(outcome(auth.refresh(person.reply.refresh_token)) for _ in range(AT_ONCE)))
        (reply,) = [reply for reply in outcomes if reply]
        assert_refused(await refusal(auth.refresh(reply.refresh_token)))
        assert_ended(auth, person)


# Each step waits, then presents the token of some generation, counted from the newest.
STEPS = st.lists(st.tuples(st.sampled_from([0, 1, 6]), st.integers(0, 3)), max_size=8)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_happened_at_most_the_newest_token_lives(
    auth: RunningAuth, steps: list[tuple[int, int]]
) -> None:
    person = await auth.register()
    line, used_at, ended = [person.reply.refresh_token], auth.clock.now, False
    for seconds, generation in steps:
        auth.clock.advance(seconds=seconds)
        presented = line[max(0, len(line) - 1 - generation)]
        reply = await outcome(auth.refresh(presented))
        forgiven = len(line) > 1 and presented == line[-2] and (auth.clock.now - used_at).total_seconds() < 5
        ended = ended or not (presented == line[-1] or forgiven)
        assert (reply is None) is ended
        if reply and presented == line[-1]:
            line.append(reply.refresh_token)
            used_at = auth.clock.now
        elif reply:
            assert reply.refresh_token == line[-1]
        assert living(auth, person) == ([] if ended else [refresh_token_hash(line[-1])])


async def test_what_is_stored_does_not_give_tokens_away(auth: RunningAuth) -> None:
    person = await auth.register()
    first = await auth.refresh(person.reply.refresh_token)
    second = await auth.refresh(first.refresh_token)
    rows = auth.query("SELECT * FROM refresh_tokens WHERE tenant_id = %s ORDER BY token_id", person.user.tenant_id)
    kept = repr(rows)
    for token in (person.reply.refresh_token, first.refresh_token, second.refresh_token):
        assert token not in kept
    # Only the latest rotation can be repeated, by who holds the token before it.
    assert [row["successor_key"] is not None for row in rows] == [False, True, False]


async def outcome(call: Awaitable[auth_pb2.RefreshResponse]) -> auth_pb2.RefreshResponse | None:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        return None


def assert_refused(error: Exception) -> None:
    assert isinstance(error, Unauthenticated)
    assert error.reason == "BAD_REFRESH_TOKEN"


def assert_ended(auth: RunningAuth, person: Person) -> None:
    """Nothing of the session is alive, and the trail tells of it once."""
    (session,) = auth.query("SELECT session_id, ended_at FROM sessions WHERE user_id = %s", person.user.id)
    events = auth.query(
        "SELECT actor, outcome, resource FROM audit_events WHERE tenant_id = %s AND action LIKE 'session.%%'",
        person.user.tenant_id,
    )
    assert living(auth, person) == []
    assert session["ended_at"] is not None
    assert events == [{"actor": person.user.id, "outcome": "FAILED", "resource": f"sessions/{session['session_id']}"}]


def living(auth: RunningAuth, person: Person) -> list[bytes]:
    rows = auth.query(
        "SELECT token_hash FROM refresh_tokens WHERE tenant_id = %s AND used_at IS NULL AND revoked_at IS NULL",
        person.user.tenant_id,
    )
    return [bytes(row["token_hash"]) for row in rows]


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})
