"""The audit trail: every registration and sign-in, also failed."""

from typing import Any
from uuid import UUID

from support.auth_running import RunningAuth
from support.running import refusal

NOBODY = str(UUID(int=0))


async def test_registration_and_log_ins_are_recorded_in_the_tenant(auth: RunningAuth) -> None:
    person = await auth.register(source="203.0.113.4")
    await auth.log_in(person.email, source="203.0.113.4")
    await refusal(auth.log_in(person.email, "wrong-password", source="198.51.100.4"))
    assert [
        (event["action"], event["outcome"], event["actor"], event["source"])
        for event in events(auth, person.user.tenant_id)
    ] == [
        ("user.register", "OK", person.user.id, "203.0.113.4"),
        ("user.login", "OK", person.user.id, "203.0.113.4"),
        ("user.login", "FAILED", person.user.id, "198.51.100.4"),
    ]


async def test_event_tells_time_and_request(auth: RunningAuth) -> None:
    person = await auth.register()
    (event,) = events(auth, person.user.tenant_id)
    assert event["occurred_at"] == auth.clock.now
    assert event["user_agent"].startswith("grpc-python")
    assert len(event["request_id"]) == 32


async def test_failures_of_nobody_are_recorded_for_nobody(auth: RunningAuth) -> None:
    person = await auth.register()
    before = len(events(auth, NOBODY))
    await refusal(auth.log_in("no-such-person@example.com"))
    await refusal(auth.register(email=person.email))
    login, registration = events(auth, NOBODY)[before:]
    assert (login["action"], login["outcome"], login["actor"]) == ("user.login", "FAILED", "")
    assert (registration["action"], registration["outcome"]) == ("user.register", "FAILED")
    assert registration["details"] == {"reason": "EMAIL_TAKEN"}


async def test_log_in_of_an_inactive_person_is_recorded_as_failed(auth: RunningAuth) -> None:
    person = await auth.register()
    auth.query("UPDATE users SET is_active = false WHERE user_id = %s", person.user.id)
    await refusal(auth.log_in(person.email))
    assert [event["outcome"] for event in events(auth, person.user.tenant_id)] == ["OK", "FAILED"]


def events(auth: RunningAuth, tenant_id: str) -> list[dict[str, Any]]:
    return auth.query("SELECT * FROM audit_events WHERE tenant_id = %s ORDER BY event_id", tenant_id)
