"""Events of other services: taken once, in their own name, for a tenant that is there."""

from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from atalaya.auth.v1 import audit_pb2
from service_runtime.errors import InvalidArgument, PermissionDenied, Unauthenticated
from support.auth_programs import Programs, publish
from support.auth_running import Person, StartAuth
from support.running import refusal
from support.tokens import bearer


@pytest.fixture
async def programs(start_auth: StartAuth, tmp_path: Path) -> AsyncIterator[Programs]:
    for service in ("ingest", "auth"):
        publish(tmp_path / "service-keys", service)
    async with start_auth(service_public_keys_folder=str(tmp_path / "service-keys")) as auth:
        yield Programs(auth)


@pytest.fixture
async def admin(programs: Programs) -> Person:
    return await programs.auth.register()


async def test_an_event_is_in_the_trail_as_it_was_sent(programs: Programs, admin: Person) -> None:
    sent = event(programs, details={"kind": "posts"})
    await tell(programs, admin, sent)
    (found,) = (await programs.events(admin.reply.access_token, action="ingest.")).events
    assert found == sent
    assert found.time.ToDatetime(UTC) == programs.auth.clock.now


async def test_an_event_that_is_told_again_is_there_once_and_as_it_was_first(programs: Programs, admin: Person) -> None:
    sent = event(programs)
    await tell(programs, admin, sent)
    changed = audit_pb2.AuditEvent()
    changed.CopyFrom(sent)
    changed.actor = "somebody else"
    await tell(programs, admin, changed)
    assert list((await programs.events(admin.reply.access_token, action="ingest.")).events) == [sent]


@pytest.mark.parametrize("action", ["user.login", "ml.train", "ingest", "ingestion.import", "", "api_key.create"])
async def test_a_service_tells_only_of_itself(programs: Programs, admin: Person, action: str) -> None:
    error = await refusal(tell(programs, admin, event(programs, action=action)))
    assert (type(error), error.reason) == (PermissionDenied, "AUDIT_ACTION_FOREIGN")
    assert len((await programs.events(admin.reply.access_token)).events) == 1


@pytest.mark.parametrize(
    "change", [{"id": "7"}, {"id": ""}, {"outcome": ""}, {"outcome": "MAYBE"}, {"time": None}], ids=str
)
async def test_a_malformed_event_is_refused(programs: Programs, admin: Person, change: dict[str, Any]) -> None:
    error = await refusal(tell(programs, admin, event(programs, **change)))
    assert (type(error), error.reason) == (InvalidArgument, "BAD_AUDIT_EVENT")


async def test_what_a_text_cannot_hold_does_not_lose_the_event(programs: Programs, admin: Person) -> None:
    await tell(programs, admin, event(programs, user_agent="a\0b", details={"c\0d": "\0"}))
    (found,) = (await programs.events(admin.reply.access_token, action="ingest.")).events
    assert (found.user_agent, dict(found.details)) == ("a\ufffdb", {"c\ufffdd": "\ufffd"})


async def test_an_event_goes_to_the_tenant_of_the_token_alone(programs: Programs, admin: Person) -> None:
    other = await programs.auth.register()
    await tell(programs, admin, event(programs))
    assert len((await programs.events(other.reply.access_token, action="ingest.")).events) == 0


async def test_of_a_tenant_that_is_gone_nothing_is_kept(programs: Programs) -> None:
    gone, sent = str(uuid4()), event(programs)
    token = await programs.service_token(programs.assertion("ingest"), gone)
    # It is taken for good: the sender need not come again.
    await programs.intake.RecordAuditEvent(
        audit_pb2.RecordAuditEventRequest(event=sent), metadata=bearer(token.access_token)
    )
    assert programs.auth.query("SELECT event_id FROM audit_events WHERE tenant_id = %s", gone) == []


async def test_nobody_but_a_service_tells_events(programs: Programs, admin: Person) -> None:
    request = audit_pb2.RecordAuditEventRequest(event=event(programs))
    key = await programs.create_key(admin.reply.access_token, role="admin")
    program = await programs.exchange(key.key)
    for token in (admin.reply.access_token, program.access_token):
        error = await refusal(programs.intake.RecordAuditEvent(request, metadata=bearer(token)))
        assert isinstance(error, PermissionDenied)
    assert isinstance(await refusal(programs.intake.RecordAuditEvent(request)), Unauthenticated)
    elsewhere = await programs.service_token(programs.assertion("ingest"), admin.user.tenant_id, "ml")
    error = await refusal(programs.intake.RecordAuditEvent(request, metadata=bearer(elsewhere.access_token)))
    assert isinstance(error, Unauthenticated)


def event(programs: Programs, **changes: Any) -> audit_pb2.AuditEvent:
    usual = {
        "id": str(uuid4()),
        "time": programs.auth.clock.now,
        "actor": str(uuid4()),
        "action": "ingest.import",
        "resource": "jobs/ingest/0197e0a5-6c1e-7d3a-9a44-2f6f0f5b7c10",
        "outcome": "OK",
        "ip": "203.0.113.9",
        "user_agent": "curl/8",
        "request_id": "r-1",
    }
    return audit_pb2.AuditEvent(**{**usual, **changes})


async def tell(programs: Programs, admin: Person, sent: audit_pb2.AuditEvent) -> None:
    token = await programs.service_token(programs.assertion("ingest"), admin.user.tenant_id)
    request = audit_pb2.RecordAuditEventRequest(event=sent)
    await programs.intake.RecordAuditEvent(request, metadata=bearer(token.access_token))
