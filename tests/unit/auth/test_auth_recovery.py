"""Forgotten passwords: who gets a mail, what its token does, and what nobody learns."""

import asyncio
from collections import Counter
from hashlib import sha256

import grpc
import pytest
from atalaya.auth.v1 import recovery_pb2
from auth_service.config import Settings
from service_runtime.errors import InvalidArgument, ResourceExhausted
from service_runtime.status import from_rpc_error
from support.auth_people import PeopleAndMail
from support.auth_running import PASSWORD, StartAuth
from support.mail_server import mail_server
from support.running import refusal

NEW = "nine-Llamas-on-a-tall-hill"


async def test_token_of_the_mail_sets_a_new_password_and_ends_every_session(people: PeopleAndMail) -> None:
    person = await people.auth.register(email="Lost.Person@example.com")
    elsewhere = await people.auth.log_in(person.email)
    await people.forget("lost.person@EXAMPLE.com")
    await people.deliver()
    assert people.mail.recipients == ["Lost.Person@example.com"]
    await people.reset(people.mail.token(), NEW)
    assert (await refusal(people.auth.log_in(person.email))).reason == "BAD_CREDENTIALS"
    assert (await people.auth.log_in(person.email, NEW)).access_token
    for session in (person.reply, elsewhere):
        assert (await refusal(people.auth.refresh(session.refresh_token))).reason == "BAD_REFRESH_TOKEN"


async def test_of_twenty_who_use_one_token_at_once_one_sets_the_password(
    start_auth: StartAuth, settings: Settings
) -> None:
    async with start_auth(password_hash_queue=100) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        person = await auth.register()
        await people.forget(person.email)
        await people.deliver()
        passwords = [f"{number}-{NEW}" for number in range(20)]
        attempts = [people.reset(mail.token(), password) for password in passwords]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert Counter(reason(outcome) for outcome in outcomes) == {"OK": 1, "BAD_RESET_TOKEN": 19}
        winner = next(index for index, outcome in enumerate(outcomes) if reason(outcome) == "OK")
        assert (await auth.log_in(person.email, passwords[winner])).access_token


async def test_every_token_that_is_not_good_is_refused_alike(people: PeopleAndMail) -> None:
    tokens = {}
    persons = {}
    for name in ("used", "old", "superseded", "inactive", "of_inactive_tenant", "changed"):
        persons[name] = await people.auth.register()
        await people.forget(persons[name].email)
        await people.deliver()
        tokens[name] = people.mail.token()
    await people.reset(tokens["used"], NEW)
    await people.forget(persons["superseded"].email)
    await people.deliver()
    people.auth.query("UPDATE users SET is_active = false WHERE user_id = %s", persons["inactive"].user.id)
    tenant_id = persons["of_inactive_tenant"].user.tenant_id
    people.auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", tenant_id)
    await people.auth.change_password(persons["changed"].reply.access_token, PASSWORD, NEW)
    errors = [await refusal(people.reset(tokens[name], NEW)) for name in tokens if name != "old"]
    errors.append(await refusal(people.reset("x" * 43, NEW)))
    people.auth.clock.advance(minutes=60)
    errors.append(await refusal(people.reset(tokens["old"], NEW)))
    assert {(type(error), error.reason, error.message) for error in errors} == {
        (InvalidArgument, "BAD_RESET_TOKEN", "The token is not valid any more; ask for another mail.")
    }
    people.auth.clock.advance(seconds=-1)
    await people.reset(tokens["old"], NEW)


@pytest.mark.parametrize("password", ["password2024", "Rosa Quispe Mamani"])
async def test_guessable_password_leaves_the_token_good(people: PeopleAndMail, password: str) -> None:
    person = await people.auth.register(full_name="Rosa Quispe Mamani")
    await people.forget(person.email)
    await people.deliver()
    assert (await refusal(people.reset(people.mail.token(), password))).reason == "PASSWORD_TOO_COMMON"
    await people.reset(people.mail.token(), NEW)


async def test_nobody_and_inactive_people_get_no_mail(people: PeopleAndMail) -> None:
    inactive, of_inactive_tenant = await people.auth.register(), await people.auth.register()
    people.auth.query("UPDATE users SET is_active = false WHERE user_id = %s", inactive.user.id)
    people.auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", of_inactive_tenant.user.tenant_id)
    for email in ("nobody-there@example.com", inactive.email, of_inactive_tenant.email):
        await people.forget(email)
    jobs = await people.deliver()
    assert [job["status"] for job in jobs] == ["SUCCEEDED"] * 3
    assert people.mail.messages == []


async def test_asking_is_the_same_for_somebody_nobody_and_the_inactive(
    people: PeopleAndMail, statements: list[str]
) -> None:
    person, inactive = await people.auth.register(), await people.auth.register()
    people.auth.query("UPDATE users SET is_active = false WHERE user_id = %s", inactive.user.id)
    costs, seen = [], []
    for email in (person.email, "nobody-here@example.com", inactive.email):
        statements.clear()
        call = people.recovery.ForgotPassword(forgotten(email), metadata=(("x-forwarded-for", "203.0.113.60"),))
        reply = await call
        costs.append(list(statements))
        seen.append((reply.SerializeToString(), await call.code(), sorted(await call.initial_metadata() or ())))
    headers = [{key for key, _ in metadata} for _, _, metadata in seen]
    assert [entry[:2] for entry in seen] == [(b"", grpc.StatusCode.OK)] * 3
    assert headers[0] == headers[1] == headers[2]
    assert len(costs[0]) > 5
    assert costs[0] == costs[1] == costs[2]
    # And no table of people is looked at: the worker does that.
    assert not any("users" in statement or "find_account" in statement for statement in costs[0])


async def test_mail_goes_to_the_address_that_was_registered_not_the_one_that_was_typed(people: PeopleAndMail) -> None:
    await people.auth.register(email="fi@example.com")
    typed = "\ufb01@example.com"  # One character that looks and compares like fi; another mailbox altogether.
    await people.forget("fi@example.com")
    people.auth.query(
        """UPDATE jobs SET payload = payload || jsonb_build_object('email', %s::text)
           WHERE status = 'QUEUED' AND payload ->> 'email' = 'fi@example.com'""",
        typed,
    )
    await people.deliver()
    assert people.mail.recipients == ["fi@example.com"]


async def test_token_is_stored_as_its_hash_alone(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    await people.forget(person.email)
    (job,) = await people.deliver()
    token = people.mail.token()
    (stored,) = people.auth.query("SELECT * FROM password_resets WHERE user_id = %s", person.user.id)
    assert stored["token_hash"] == sha256(token.encode()).digest()
    assert len(token) == 43
    assert token not in str((stored, job))


async def test_asking_is_limited_by_address_and_by_source(start_auth: StartAuth, settings: Settings) -> None:
    limits = {"reset_mails_before_delay": 2, "reset_mails_of_source_before_delay": 4}
    async with start_auth(**limits) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        person = await auth.register()
        for email in (person.email, "ghost-limited@example.com"):
            for _ in range(2):
                await people.forget(email, source="203.0.113.70")
            assert isinstance(await refusal(people.forget(email.upper())), ResourceExhausted)
        # Four from that source are enough, whoever they are for.
        error = await refusal(people.forget("fresh@example.com", source="203.0.113.70"))
        assert error.reason == "TOO_MANY_ATTEMPTS"
        await people.forget("fresh@example.com", source="203.0.113.71")
        auth.clock.advance(hours=1)
        await people.forget(person.email, source="203.0.113.70")


async def test_guessing_tokens_is_limited_like_failed_log_ins(start_auth: StartAuth, settings: Settings) -> None:
    async with start_auth(source_failures_before_delay=3) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        person = await auth.register()
        await people.forget(person.email)
        await people.deliver()
        for number in range(3):
            await refusal(people.reset(f"guess-{number}", NEW, source="203.0.113.80"))
        assert isinstance(await refusal(people.reset(mail.token(), NEW, source="203.0.113.80")), ResourceExhausted)
        await people.reset(mail.token(), NEW, source="203.0.113.81")


async def test_reset_ends_the_waiting_of_the_account(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    for _ in range(11):
        await refusal(people.auth.log_in(person.email, "wrong-password"))
    assert isinstance(await refusal(people.auth.log_in(person.email)), ResourceExhausted)
    await people.forget(person.email)
    await people.deliver()
    await people.reset(people.mail.token(), NEW)
    assert (await people.auth.log_in(person.email, NEW)).access_token


async def test_log_ins_under_way_with_the_old_password_do_not_outlive_a_reset(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    await people.forget(person.email)
    await people.deliver()
    logging_in = [asyncio.create_task(people.auth.log_in(person.email)) for _ in range(6)]
    await people.reset(people.mail.token(), NEW)
    await asyncio.gather(*logging_in, return_exceptions=True)
    living = "SELECT 1 FROM sessions WHERE user_id = %s AND ended_at IS NULL"
    assert people.auth.query(living, person.user.id) == []


@pytest.mark.parametrize(
    ("asked", "own", "subject"),
    [
        ("", None, "Nueva contraseña para Atalaya"),
        ("en-GB,es;q=0.8", None, "A new password for Atalaya"),
        ("fr,en;q=0.5", None, "A new password for Atalaya"),
        ("en", "es", "Nueva contraseña para Atalaya"),
    ],
)
async def test_mail_is_in_the_persons_language_or_the_browsers(
    people: PeopleAndMail, asked: str, own: str | None, subject: str
) -> None:
    person = await people.auth.register()
    if own:
        await people.set(person.reply.access_token, language=own)
    await people.forget(person.email, language=asked)
    await people.deliver()
    assert [message["subject"] for message in people.mail.messages] == [subject]


async def test_asking_and_resetting_are_in_the_audit_trail(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    await people.forget(person.email, source="203.0.113.90")
    await people.deliver()
    await people.reset(people.mail.token(), NEW)
    await refusal(people.reset(people.mail.token(), NEW))
    (asked,) = people.auth.query(
        "SELECT * FROM audit_events WHERE action = 'user.forgot_password' AND source = %s", "203.0.113.90"
    )
    assert person.email not in str(asked)
    own = people.auth.query(
        "SELECT outcome, actor FROM audit_events WHERE action = 'user.reset_password' AND tenant_id = %s",
        person.user.tenant_id,
    )
    assert [tuple(event.values()) for event in own] == [("OK", person.user.id)]


def forgotten(email: str) -> recovery_pb2.ForgotPasswordRequest:
    return recovery_pb2.ForgotPasswordRequest(email=email)


def reason(outcome: object) -> str:
    if isinstance(outcome, grpc.aio.AioRpcError):
        return from_rpc_error(outcome).reason
    return "OK" if outcome is None else repr(outcome)
