"""Reading the audit trail: newest first, in pages, by who, what and when; of the own tenant alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from atalaya.auth.v1 import audit_pb2
from auth_service.audit_store import AuditQuery
from google.protobuf.timestamp_pb2 import Timestamp
from service_runtime.errors import InvalidArgument, PermissionDenied
from service_runtime.paging import PageTokens
from support.auth_programs import Programs
from support.auth_running import Person, RunningAuth
from support.running import refusal
from support.tokens import bearer


@pytest.fixture
def programs(auth: RunningAuth) -> Programs:
    return Programs(auth)


@pytest.fixture
async def admin(auth: RunningAuth) -> AsyncIterator[Person]:
    """Somebody who registered, failed to log in, logged in and made a key, a minute each after the other."""
    person = await auth.register(source="203.0.113.4")
    auth.clock.advance(minutes=1)
    await refusal(auth.log_in(person.email, "wrong-password", source="203.0.113.4"))
    auth.clock.advance(minutes=1)
    await auth.log_in(person.email, source="203.0.113.4")
    auth.clock.advance(minutes=1)
    await Programs(auth).create_key(person.reply.access_token, source="203.0.113.5")
    yield person


async def test_events_are_told_newest_first_with_all_that_is_known(programs: Programs, admin: Person) -> None:
    events = (await programs.events(admin.reply.access_token)).events
    assert [event.action for event in events] == ["api_key.create", "user.login", "user.login", "user.register"]
    made, _, failed, _ = events
    (key,) = (await programs.list_keys(admin.reply.access_token)).api_keys
    assert (made.actor, made.resource, made.outcome) == (admin.user.id, f"api-keys/{key.id}", "OK")
    assert (made.ip, made.details["role"]) == ("203.0.113.5", "user")
    assert made.user_agent.startswith("grpc-python")
    assert len(made.request_id) == 32
    assert made.time.ToDatetime(UTC) == programs.auth.clock.now
    assert failed.outcome == "FAILED"


@pytest.mark.parametrize(
    ("action", "count"),
    [("user.login", 2), ("user.", 3), ("user", 0), ("api_key.", 1), ("us_r.", 0), ("%.", 0), ("", 4), (".", 0)],
)
async def test_events_are_found_by_action_and_its_beginning(
    programs: Programs, admin: Person, action: str, count: int
) -> None:
    assert len((await programs.events(admin.reply.access_token, action=action)).events) == count


async def test_an_action_that_no_event_can_have_finds_none(programs: Programs, admin: Person) -> None:
    for action in ("\0", "user.\0", "user\0."):
        assert len((await programs.events(admin.reply.access_token, action=action)).events) == 0


async def test_events_are_found_by_actor(programs: Programs, admin: Person) -> None:
    token = admin.reply.access_token
    assert len((await programs.events(token, actor=admin.user.id)).events) == 4
    assert len((await programs.events(token, actor=admin.user.id.upper())).events) == 4
    assert len((await programs.events(token, actor=str(uuid4()))).events) == 0


async def test_events_are_found_by_time(programs: Programs, admin: Person) -> None:
    now = programs.auth.clock.now
    token = admin.reply.access_token
    last, before = stamp(now, minutes=0), stamp(now, minutes=-1)
    assert len((await programs.events(token, start_time=last)).events) == 1
    assert len((await programs.events(token, end_time=last)).events) == 3
    assert len((await programs.events(token, start_time=before, end_time=last)).events) == 1
    assert len((await programs.events(token, start_time=last, end_time=last)).events) == 0
    error = await refusal(programs.events(token, start_time=last, end_time=before))
    assert (type(error), error.reason) == (InvalidArgument, "TIME_RANGE_REVERSED")
    error = await refusal(programs.events(token, start_time=Timestamp(seconds=10**15)))
    assert isinstance(error, InvalidArgument)


async def test_pages_join_without_gap_though_events_are_added_meanwhile(programs: Programs, admin: Person) -> None:
    token = admin.reply.access_token
    found: list[audit_pb2.AuditEvent] = []
    page = await programs.events(token, page_size=1, action="user.")
    while page.next_page_token:
        found += page.events
        await programs.auth.log_in(admin.email)
        page = await programs.events(token, page_size=1, action="user.", page_token=page.next_page_token)
    found += page.events
    assert [event.outcome for event in found] == ["OK", "FAILED", "OK"]


async def test_a_page_token_is_bound_to_tenant_and_query(programs: Programs, admin: Person) -> None:
    token = admin.reply.access_token
    page = await programs.events(token, page_size=1, action="user.")
    other = await programs.auth.register()
    strange: list[tuple[str, dict[str, Any]]] = [
        (other.reply.access_token, {"action": "user."}),
        (token, {"action": "user.login"}),
        (token, {"action": "user.", "actor": admin.user.id}),
        (token, {"action": "user.", "start_time": stamp(programs.auth.clock.now, minutes=-9)}),
    ]
    for bearer_token, query in strange:
        error = await refusal(programs.events(bearer_token, page_token=page.next_page_token, **query))
        assert error.reason == "BAD_PAGE_TOKEN"
    again = await programs.events(token, action="user.", page_token=page.next_page_token)
    assert len(again.events) == 2


async def test_a_page_token_that_somebody_else_signed_is_refused(programs: Programs, admin: Person) -> None:
    tenant_id, query = UUID(admin.user.tenant_id), {"list": "audit-events", **vars(AuditQuery())}
    place = [programs.auth.clock.now.isoformat(), str(uuid4())]
    forged = PageTokens(b"a guess").encode(tenant_id, query, place)
    error = await refusal(programs.events(admin.reply.access_token, page_token=forged))
    assert (type(error), error.reason) == (InvalidArgument, "BAD_PAGE_TOKEN")


async def test_the_trail_of_another_tenant_is_not_seen(programs: Programs, admin: Person) -> None:
    other = await programs.auth.register()
    (event,) = (await programs.events(other.reply.access_token)).events
    assert event.actor == other.user.id
    assert (await programs.events(other.reply.access_token, actor=admin.user.id)).events == []


async def test_only_admins_read_the_trail(programs: Programs, admin: Person) -> None:
    made = await programs.create_key(admin.reply.access_token, role="user")
    reply = await programs.exchange(made.key)
    request = audit_pb2.ListAuditEventsRequest()
    error = await refusal(programs.audit.ListAuditEvents(request, metadata=bearer(reply.access_token)))
    assert isinstance(error, PermissionDenied)


def stamp(moment: datetime, *, minutes: int) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment + timedelta(minutes=minutes))
    return message
