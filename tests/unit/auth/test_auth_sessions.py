"""Log-out, and people's own sessions."""

from datetime import UTC
from uuid import uuid4

from service_runtime.errors import InvalidArgument, NotFound, Unauthenticated
from support.auth_programs import Programs
from support.auth_running import RunningAuth
from support.running import refusal


async def test_log_out_ends_this_session_and_no_other(auth: RunningAuth) -> None:
    person = await auth.register()
    elsewhere = await auth.log_in(person.email)
    await auth.log_out(person.reply.access_token)
    error = await refusal(auth.refresh(person.reply.refresh_token))
    assert isinstance(error, Unauthenticated)
    assert (await auth.refresh(elsewhere.refresh_token)).access_token


async def test_log_out_ends_the_session_of_an_own_refresh_token_too(auth: RunningAuth) -> None:
    person, stranger = await auth.register(), await auth.register()
    elsewhere = await auth.log_in(person.email)
    await auth.log_out(person.reply.access_token, elsewhere.refresh_token)
    await auth.log_out((await auth.log_in(person.email)).access_token, stranger.reply.refresh_token)
    await auth.log_out((await auth.log_in(person.email)).access_token, "made-up")
    assert isinstance(await refusal(auth.refresh(elsewhere.refresh_token)), Unauthenticated)
    assert (await auth.refresh(stranger.reply.refresh_token)).access_token


async def test_logging_out_twice_is_the_same_as_once(auth: RunningAuth) -> None:
    person = await auth.register()
    await auth.log_out(person.reply.access_token, person.reply.refresh_token)
    await auth.log_out(person.reply.access_token, person.reply.refresh_token)
    (session,) = auth.query("SELECT ended_at FROM sessions WHERE user_id = %s", person.user.id)
    assert session["ended_at"] == auth.clock.now


async def test_a_program_that_logs_out_ends_nothing(auth: RunningAuth) -> None:
    programs, admin = Programs(auth), await auth.register()
    made = await programs.create_key(admin.reply.access_token)
    token = (await programs.exchange(made.key)).access_token
    await auth.log_out(token)
    assert auth.query("SELECT 1 FROM revocations WHERE subject = %s", made.id) == []
    (event,) = (await programs.events(admin.reply.access_token, action="api_key.")).events
    assert event.action == "api_key.create"
    assert (await programs.events(admin.reply.access_token, action="user.logout")).events == []


async def test_sessions_are_told_newest_first(auth: RunningAuth) -> None:
    person = await auth.register(source="203.0.113.9")
    auth.clock.advance(minutes=5)
    second = await auth.log_in(person.email, source="203.0.113.10")
    auth.clock.advance(minutes=5)
    await auth.refresh(person.reply.refresh_token)
    newer, older = (await auth.list_sessions(second.access_token)).sessions
    assert (newer.ip, newer.is_current, older.ip, older.is_current) == ("203.0.113.10", True, "203.0.113.9", False)
    assert older.user_agent.startswith("grpc-python")
    assert older.last_used_at.ToDatetime(UTC) == auth.clock.now
    assert (older.last_used_at.ToDatetime(UTC) - older.created_at.ToDatetime(UTC)).total_seconds() == 600


async def test_ended_and_expired_sessions_and_those_of_others_are_not_told(auth: RunningAuth) -> None:
    person = await auth.register()
    await auth.register()
    auth.clock.advance(days=29)
    ended = await auth.log_in(person.email)
    await auth.log_out(ended.access_token)
    auth.clock.advance(days=2)
    present = await auth.log_in(person.email)
    assert [session.is_current for session in (await auth.list_sessions(present.access_token)).sessions] == [True]


async def test_sessions_come_in_pages(auth: RunningAuth) -> None:
    person = await auth.register()
    tokens = [(await auth.log_in(person.email)).access_token for _ in range(4)]
    seen, page_token = [], ""
    while True:
        page = await auth.list_sessions(tokens[-1], page_size=2, page_token=page_token)
        assert len(page.sessions) <= 2
        seen += [session.id for session in page.sessions]
        page_token = page.next_page_token
        if not page_token:
            break
    whole = (await auth.list_sessions(tokens[-1])).sessions
    assert seen == [session.id for session in whole]
    assert len(seen) == 5


async def test_page_token_of_somebody_else_is_refused(auth: RunningAuth) -> None:
    person, stranger = await auth.register(), await auth.register()
    await auth.log_in(person.email)
    token = (await auth.list_sessions(person.reply.access_token, page_size=1)).next_page_token
    error = await refusal(auth.list_sessions(stranger.reply.access_token, page_token=token))
    assert isinstance(error, InvalidArgument)
    assert error.reason == "BAD_PAGE_TOKEN"


async def test_one_session_can_be_ended_from_another(auth: RunningAuth) -> None:
    person = await auth.register()
    elsewhere = await auth.log_in(person.email)
    (session,) = [one for one in (await auth.list_sessions(person.reply.access_token)).sessions if not one.is_current]
    await auth.end_session(person.reply.access_token, session.id)
    assert isinstance(await refusal(auth.refresh(elsewhere.refresh_token)), Unauthenticated)
    assert isinstance(await refusal(auth.end_session(person.reply.access_token, session.id)), NotFound)
    assert (await auth.refresh(person.reply.refresh_token)).access_token


async def test_session_of_somebody_else_looks_like_one_that_never_was(auth: RunningAuth) -> None:
    person, stranger = await auth.register(), await auth.register()
    (theirs,) = (await auth.list_sessions(stranger.reply.access_token)).sessions
    refusals = [
        await refusal(auth.end_session(person.reply.access_token, session_id))
        for session_id in (theirs.id, str(uuid4()))
    ]
    assert {(type(error), error.reason, error.message) for error in refusals} == {
        (NotFound, "SESSION_NOT_FOUND", "There is no such session.")
    }
    assert (await auth.refresh(stranger.reply.refresh_token)).access_token


async def test_ends_are_recorded(auth: RunningAuth) -> None:
    person = await auth.register()
    elsewhere = await auth.log_in(person.email)
    newer, older = (await auth.list_sessions(elsewhere.access_token)).sessions
    await auth.end_session(elsewhere.access_token, older.id)
    await auth.log_out(elsewhere.access_token)
    events = auth.query(
        "SELECT action, outcome, actor, resource FROM audit_events WHERE tenant_id = %s ORDER BY event_id",
        person.user.tenant_id,
    )
    assert [tuple(event.values()) for event in events[-2:]] == [
        ("session.end", "OK", person.user.id, f"sessions/{older.id}"),
        ("user.logout", "OK", person.user.id, f"sessions/{newer.id}"),
    ]
