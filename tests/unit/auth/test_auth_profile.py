"""What people change about themselves: names, settings, and that they leave."""

import asyncio

import jwt
import pytest
from auth_service.config import Settings
from auth_service.tokens import read_signing_keys
from local_suite.waiting import until
from service_runtime.errors import AlreadyExists, Conflict, InvalidArgument, NotFound, ResourceExhausted
from support import postgres
from support.auth_people import PeopleAndMail
from support.auth_running import PASSWORD
from support.running import refusal

WAITING = """SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE NOT granted AND datname = current_database()"""


async def test_names_that_are_given_change(people: PeopleAndMail) -> None:
    person = await people.auth.register(full_name="Ana Paz")
    token = person.reply.access_token
    assert (await people.rename(token, full_name="  Ana   Paz Ríos ")).full_name == "Ana Paz Ríos"
    changed = await people.rename(token, username="ana.paz")
    assert (changed.username, changed.cuenta, changed.full_name) == ("ana.paz", "ana.paz", "Ana Paz Ríos")
    assert await people.auth.me(token) == changed
    assert (await people.auth.log_in_by_username("ANA.paz")).access_token


async def test_two_names_that_change_at_once_both_change(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    token = person.reply.access_token
    with postgres.server().connect(people.auth.database.name) as holding, holding.transaction():
        holding.execute("SELECT 1 FROM users WHERE user_id = %s FOR UPDATE", [person.user.id])
        changing = [asyncio.create_task(people.rename(token, full_name="Ana Paz"))]
        assert await until(lambda: len(people.auth.query(WAITING)) == 1, 10)
        changing.append(asyncio.create_task(people.rename(token, username="ana.paz.at.once")))
        assert await until(lambda: len(people.auth.query(WAITING)) == 2, 10)
    await asyncio.gather(*changing)
    changed = await people.auth.me(token)
    assert (changed.full_name, changed.username) == ("Ana Paz", "ana.paz.at.once")


async def test_token_has_the_new_name_from_the_next_refresh_on(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    await people.rename(person.reply.access_token, username="renamed.person")
    renewed = await people.auth.refresh(person.reply.refresh_token)
    assert jwt.decode(renewed.access_token, options={"verify_signature": False})["username"] == "renamed.person"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"username": "with space"}, "BAD_USERNAME"),
        ({"username": "a@b"}, "BAD_USERNAME"),
        ({"full_name": "evil \u202egnp"}, "INVALID_TEXT"),
        ({"full_name": "line\r\nBcc: x@example.com"}, "INVALID_TEXT"),
    ],
)
async def test_names_that_mislead_are_refused(people: PeopleAndMail, names: dict[str, str], reason: str) -> None:
    person = await people.auth.register()
    error = await refusal(people.rename(person.reply.access_token, **names))
    assert isinstance(error, InvalidArgument)
    assert error.reason == reason
    assert await people.auth.me(person.reply.access_token) == person.user


async def test_user_name_of_somebody_else_is_taken_in_the_tenant_only(people: PeopleAndMail) -> None:
    admin, stranger = await people.auth.register(), await people.auth.register()
    member = await people.add(admin)
    error = await refusal(people.rename(member.reply.access_token, username=admin.user.username.upper()))
    assert isinstance(error, AlreadyExists)
    assert error.reason == "USERNAME_TAKEN"
    assert (await people.rename(stranger.reply.access_token, username=admin.user.username)).username


async def test_settings_have_defaults_until_they_are_set(people: PeopleAndMail) -> None:
    token = (await people.auth.register()).reply.access_token
    found = await people.own_settings(token)
    assert (found.language, found.timezone, found.email_notifications) == ("es", "America/Lima", True)
    await people.set(token, timezone="Europe/Madrid")
    await people.set(token, language="en", email_notifications=False)
    found = await people.own_settings(token)
    assert (found.language, found.timezone, found.email_notifications) == ("en", "Europe/Madrid", False)
    assert await people.set(token) == found
    assert (await people.own_settings((await people.auth.register()).reply.access_token)).language == "es"


async def test_programs_have_neither_profile_nor_settings(people: PeopleAndMail, settings: Settings) -> None:
    person = await people.auth.register()
    token = resigned(person.reply.access_token, settings, sub=f"api-key:{person.user.id}", kind="program")
    attempts = [
        people.rename(token, full_name="A Program"),
        people.own_settings(token),
        people.set(token, language="en"),
        people.leave(token),
    ]
    errors = [await refusal(attempt) for attempt in attempts]
    assert {(type(error), error.reason) for error in errors} == {(NotFound, "USER_NOT_FOUND")}
    # One of role admin may invite.
    assert (await people.invite(token, "invited-by-program@example.com")).status == "invited"


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "america/lima", "UTC+5", "../etc/passwd", "localtime"])
async def test_time_zone_must_be_one(people: PeopleAndMail, timezone: str) -> None:
    token = (await people.auth.register()).reply.access_token
    error = await refusal(people.set(token, timezone=timezone, language="en"))
    assert isinstance(error, InvalidArgument)
    assert error.reason == "BAD_TIMEZONE"
    assert (await people.own_settings(token)).language == "es"


async def test_who_deletes_themselves_is_gone_with_their_sessions(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    elsewhere = await people.auth.log_in(member.email)
    await people.leave(member.reply.access_token)
    assert (await refusal(people.auth.log_in(member.email))).reason == "BAD_CREDENTIALS"
    for session in (member.reply, elsewhere):
        assert (await refusal(people.auth.refresh(session.refresh_token))).reason == "BAD_REFRESH_TOKEN"
    assert isinstance(await refusal(people.auth.me(elsewhere.access_token)), NotFound)
    for table in ("users", "sessions", "password_resets"):
        left = f"SELECT 1 FROM {table} WHERE user_id = %s"  # noqa: S608
        assert people.auth.query(left, member.user.id) == []
    revoked = "SELECT 1 FROM revocations WHERE kind = 'session' AND subject = %s"
    for token in (member.reply.access_token, elsewhere.access_token):
        assert people.auth.query(revoked, jwt.decode(token, options={"verify_signature": False})["sid"])
    # The address is free again.
    assert (await people.auth.register(email=member.email)).user.id != member.user.id


async def test_who_leaves_must_know_the_password(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    for _ in range(10):
        error = await refusal(people.leave(member.reply.access_token, "wrong-password"))
        assert isinstance(error, InvalidArgument)
        assert error.reason == "WRONG_PASSWORD"
    assert isinstance(await refusal(people.leave(member.reply.access_token, PASSWORD)), ResourceExhausted)
    assert isinstance(await refusal(people.auth.log_in(member.email)), ResourceExhausted)
    people.auth.clock.advance(seconds=1)
    await people.leave(member.reply.access_token, PASSWORD)


async def test_last_admin_cannot_leave(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    await people.add(admin)
    error = await refusal(people.leave(admin.reply.access_token))
    assert isinstance(error, Conflict)
    assert error.reason == "LAST_ADMIN"
    await people.add(admin, "admin")
    await people.leave(admin.reply.access_token)


async def test_who_becomes_the_last_admin_while_leaving_stays(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    with postgres.server().connect(people.auth.database.name) as holding, holding.transaction():
        holding.execute("SELECT 1 FROM tenants WHERE tenant_id = %s FOR NO KEY UPDATE", [admin.user.tenant_id])
        leaving = asyncio.create_task(people.leave(member.reply.access_token))
        assert await until(lambda: bool(people.auth.query(WAITING)), 10)
        roles = "UPDATE users SET role = CASE WHEN user_id = %s THEN 'admin' ELSE 'user' END WHERE tenant_id = %s"
        holding.execute(roles, [member.user.id, admin.user.tenant_id])
    assert (await refusal(leaving)).reason == "LAST_ADMIN"
    ruling = "SELECT user_id FROM users WHERE tenant_id = %s AND role = 'admin'"
    assert [str(row["user_id"]) for row in people.auth.query(ruling, admin.user.tenant_id)] == [member.user.id]


async def test_leaving_and_changes_are_in_the_audit_trail(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    await people.rename(member.reply.access_token, full_name="Another Name")
    await people.set(member.reply.access_token, language="en")
    await refusal(people.leave(member.reply.access_token, "wrong-password"))
    await people.leave(member.reply.access_token)
    recorded = people.auth.query(
        """SELECT action, outcome, resource FROM audit_events WHERE tenant_id = %s AND actor = %s
           AND action <> 'user.register' ORDER BY event_id""",
        admin.user.tenant_id,
        member.user.id,
    )
    resource = f"users/{member.user.id}"
    assert [tuple(event.values()) for event in recorded] == [
        ("user.change", "OK", resource),
        ("user.change", "OK", f"{resource}/settings"),
        ("user.delete", "FAILED", ""),
        ("user.delete", "OK", resource),
    ]


def resigned(token: str, settings: Settings, **changes: str) -> str:
    """Signs a token's claims again, changed."""
    (key,) = read_signing_keys(settings.jwt_private_keys_file)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, key.private_key, algorithm="RS256", headers={"kid": key.key_id})
