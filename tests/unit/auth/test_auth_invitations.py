"""Inviting: what is sent to whom, who gets in by it, and how often."""

import asyncio
from collections import Counter
from hashlib import sha256
from typing import Any

import grpc
import jwt
from atalaya.auth.v1 import tenants_pb2
from auth_service.config import Settings
from service_runtime.errors import AlreadyExists, InvalidArgument, NotFound, ResourceExhausted
from service_runtime.status import from_rpc_error
from support.auth_people import PeopleAndMail
from support.auth_running import PASSWORD, StartAuth
from support.mail_server import mail_server
from support.running import refusal
from support.tokens import bearer


async def test_who_is_invited_joins_the_tenant_with_its_role(people: PeopleAndMail) -> None:
    admin = await people.auth.register(tenant_name="Minera del Norte")
    invited = await people.invite(admin.reply.access_token, "Nina.Quispe@Example.com", "viewer")
    (job,) = await people.deliver()
    assert (job["status"], people.mail.recipients) == ("SUCCEEDED", ["Nina.Quispe@Example.com"])
    person = await people.join(people.mail.token(), "nina.quispe@example.COM", full_name="Nina Quispe")
    user = person.user
    assert (user.id, user.tenant_id, user.tenant_name) == (invited.id, admin.user.tenant_id, "Minera del Norte")
    assert (user.role, user.username, user.status, user.id_usuario) == ("viewer", "nina.quispe", "active", 2)
    assert (await people.auth.me(person.reply.access_token)).id == invited.id
    assert people.auth.query("SELECT 1 FROM tenants WHERE name = 'Never made'") == []
    assert [each.status for each in (await people.everybody(admin.reply.access_token)).users] == ["active", "active"]


async def test_of_fifty_who_use_one_token_at_once_one_gets_in(start_auth: StartAuth, settings: Settings) -> None:
    async with start_auth(password_hash_queue=100) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        admin = await auth.register()
        await people.invite(admin.reply.access_token, "crowd@example.com")
        await people.deliver()
        token = mail.token()
        attempts = [people.join(token, "crowd@example.com") for _ in range(50)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        said = Counter(reason(outcome) for outcome in outcomes)
        assert said.pop("joined") == 1
        assert set(said) <= {"BAD_INVITATION", "EMAIL_TAKEN"}
        assert len(auth.query("SELECT 1 FROM users WHERE email_key = 'crowd@example.com'")) == 1
        assert len(auth.query("SELECT 1 FROM sessions WHERE tenant_id = %s", admin.user.tenant_id)) == 2


async def test_token_of_another_address_used_withdrawn_or_old_lets_nobody_in(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    access = admin.reply.access_token
    tokens, ids = {}, {}
    for name in ("used", "withdrawn", "renewed", "old", "other"):
        ids[name] = (await people.invite(access, f"{name}@inv.example.com")).id
        await people.deliver()
        tokens[name] = people.mail.token()
    await people.join(tokens["used"], "used@inv.example.com")
    await people.change(access, ids["withdrawn"], is_active=False)
    await people.invite(access, "renewed@inv.example.com")
    errors = [
        await refusal(people.join(tokens["used"], "used2@inv.example.com")),
        await refusal(people.join(tokens["withdrawn"], "withdrawn@inv.example.com")),
        await refusal(people.join(tokens["renewed"], "renewed@inv.example.com")),
        await refusal(people.join(tokens["other"], "stranger@inv.example.com")),
        await refusal(people.join("x" * 43, "old@inv.example.com")),
    ]
    people.auth.clock.advance(days=7)
    errors.append(await refusal(people.join(tokens["old"], "old@inv.example.com")))
    assert {(type(error), error.reason, error.message) for error in errors} == {
        (InvalidArgument, "BAD_INVITATION", "The invitation is not valid for this address; ask for another one.")
    }
    people.auth.clock.advance(seconds=-1)
    assert (await people.join(tokens["old"], "old@inv.example.com")).user.tenant_id == admin.user.tenant_id


async def test_renewing_keeps_the_invitation_and_sends_a_new_token(people: PeopleAndMail) -> None:
    token = (await people.auth.register()).reply.access_token
    first = await people.invite(token, "again@example.com", "viewer")
    await people.deliver()
    second = await people.invite(token, "AGAIN@example.com", "admin")
    await people.deliver()
    assert (second.id, second.created_at, second.role) == (first.id, first.created_at, "admin")
    assert (await people.join(people.mail.token(), "again@example.com")).user.role == "admin"


async def test_token_is_in_the_mail_alone(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    await people.invite(admin.reply.access_token, "secret@example.com")
    (waiting,) = people.auth.query("SELECT payload FROM jobs WHERE tenant_id = %s", admin.user.tenant_id)
    assert set(waiting["payload"]) == {"invitation_id", "language"}
    (job,) = await people.deliver()
    token = people.mail.token()
    (stored,) = people.auth.query("SELECT * FROM invitations WHERE tenant_id = %s", admin.user.tenant_id)
    assert stored["token_hash"] == sha256(token.encode()).digest()
    assert len(token) == 43
    assert token not in str((stored, job, people.auth.query("SELECT args FROM procrastinate_jobs")))


async def test_invitation_says_nothing_of_accounts_in_other_tenants(
    people: PeopleAndMail, statements: list[str]
) -> None:
    admin, elsewhere = await people.auth.register(), await people.auth.register()
    gone = await people.auth.register()
    people.auth.query("UPDATE users SET is_active = false WHERE user_id = %s", gone.user.id)
    replies: list[Any] = []
    costs = []
    for email in ("nobody-at-all@example.com", elsewhere.email, gone.email):
        statements.clear()
        reply = await people.invite(admin.reply.access_token, email)
        costs.append(list(statements))
        reply.ClearField("id")
        reply.ClearField("email")
        replies.append(reply)
    assert replies[0] == replies[1] == replies[2]
    assert len(costs[0]) > 5
    assert costs[0] == costs[1] == costs[2]
    # The mail goes out alike, and registering says that the address is taken, as it says to everybody.
    await people.deliver()
    assert people.mail.recipients == ["nobody-at-all@example.com", elsewhere.email, gone.email]
    error = await refusal(people.join(people.mail.token(), gone.email))
    assert isinstance(error, AlreadyExists)
    assert error.reason == "EMAIL_TAKEN"


async def test_somebody_of_the_tenant_is_not_invited_again(people: PeopleAndMail) -> None:
    admin = await people.auth.register(email="Boss@Example.com")
    error = await refusal(people.invite(admin.reply.access_token, "boss@example.com"))
    assert isinstance(error, AlreadyExists)
    assert error.reason == "EMAIL_TAKEN"
    assert await people.deliver() == []


async def test_people_and_open_invitations_have_a_limit(start_auth: StartAuth, settings: Settings) -> None:
    async with start_auth(users_per_tenant=3) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        token = (await auth.register()).reply.access_token
        attempts = [people.invite(token, f"quota{number}@example.com") for number in range(8)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert Counter(reason(outcome) for outcome in outcomes) == {"joined": 2, "QUOTA_EXCEEDED": 6}
        open_ones = [user for user in (await people.everybody(token)).users if user.status == "invited"]
        # Renewing takes no other place, withdrawing gives one back, and so does time.
        await people.invite(token, open_ones[0].email)
        await people.change(token, open_ones[0].id, is_active=False)
        await people.invite(token, "quota-last@example.com")
        error = await refusal(people.invite(token, "quota-more@example.com"))
        assert isinstance(error, ResourceExhausted)
        auth.clock.advance(days=7)
        token = (await auth.log_in((await people.everybody(await fresh(auth, token))).users[0].email)).access_token
        assert (await people.invite(token, "quota-more@example.com")).status == "invited"


async def test_role_of_an_invitation_can_change_and_a_withdrawn_one_is_gone(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    access = admin.reply.access_token
    invited = await people.invite(access, "changing@example.com", "viewer")
    await people.deliver()
    changed = await people.change(access, invited.id, role="user")
    assert (changed.role, changed.status) == ("user", "invited")
    withdrawn = await people.change(access, invited.id, is_active=False)
    assert (withdrawn.status, withdrawn.is_active) == ("inactive", False)
    error = await refusal(people.change(access, invited.id, is_active=True))
    assert isinstance(error, NotFound)
    assert [user.id for user in (await people.everybody(access)).users] == [admin.user.id]
    # Inviting again is another invitation.
    assert (await people.invite(access, "changing@example.com")).id != invited.id


async def test_mail_of_an_invitation_that_was_withdrawn_is_not_sent(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    invited = await people.invite(admin.reply.access_token, "never@example.com")
    await people.change(admin.reply.access_token, invited.id, is_active=False)
    (job,) = await people.deliver()
    assert (job["status"], people.mail.messages) == ("SUCCEEDED", [])


async def test_guessable_password_does_not_use_the_invitation_up(people: PeopleAndMail) -> None:
    admin = await people.auth.register(tenant_name="Café Central SAC")
    await people.invite(admin.reply.access_token, "weak.person@example.com")
    await people.deliver()
    for password in ("password2024", "café central sac", "weak.person"):
        error = await refusal(people.join(people.mail.token(), "weak.person@example.com", password=password))
        assert error.reason == "PASSWORD_TOO_COMMON"
    assert (await people.join(people.mail.token(), "weak.person@example.com")).user.role == "user"


async def test_taken_user_name_gets_a_number(people: PeopleAndMail) -> None:
    admin = await people.auth.register(email="ana@one.example.com")
    names = []
    for number in range(2):
        email = f"ana@other{number}.example.com"
        await people.invite(admin.reply.access_token, email)
        await people.deliver()
        names.append((await people.join(people.mail.token(), email)).user.username)
    assert names == ["ana-2", "ana-3"]


async def test_invitation_of_an_inactive_tenant_lets_nobody_in(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    await people.invite(admin.reply.access_token, "late@example.com")
    await people.deliver()
    people.auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", admin.user.tenant_id)
    assert (await refusal(people.join(people.mail.token(), "late@example.com"))).reason == "BAD_INVITATION"


async def test_joining_counts_as_registering_from_its_source(start_auth: StartAuth, settings: Settings) -> None:
    async with start_auth(registrations_before_delay=2) as auth, mail_server() as mail:
        people = PeopleAndMail(auth, settings, mail)
        for _ in range(2):
            error = await refusal(people.join("x" * 43, "guess@example.com", source="203.0.113.31"))
            assert error.reason == "BAD_INVITATION"
        error = await refusal(people.join("x" * 43, "guess@example.com", source="203.0.113.31"))
        assert error.reason == "TOO_MANY_ATTEMPTS"


async def test_invitations_are_in_the_audit_trail_also_refused_ones(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    invited = await people.invite(admin.reply.access_token, "audited@example.com", "viewer")
    await people.change(admin.reply.access_token, invited.id, role="user")
    await people.deliver()
    await people.join(people.mail.token(), "audited@example.com")
    await refusal(people.join(people.mail.token(), "audited2@example.com"))
    recorded = people.auth.query(
        "SELECT action, actor, resource, details FROM audit_events WHERE tenant_id = %s ORDER BY event_id OFFSET 1",
        admin.user.tenant_id,
    )
    resource = f"users/{invited.id}"
    assert [tuple(event.values()) for event in recorded] == [
        ("user.invite", admin.user.id, resource, {"role": "viewer"}),
        ("invitation.change", admin.user.id, resource, {"role": "user"}),
        ("user.register", invited.id, resource, {}),
    ]
    (refused,) = people.auth.query(
        """SELECT outcome, details FROM audit_events WHERE action = 'user.register' AND outcome = 'FAILED'
           ORDER BY event_id DESC LIMIT 1"""
    )
    assert refused["details"] == {"reason": "BAD_INVITATION"}


async def test_mail_is_in_the_language_of_who_invites(people: PeopleAndMail) -> None:
    token = (await people.auth.register(tenant_name="Pesquera Sur")).reply.access_token
    await people.invite(token, "uno@example.com")
    await people.set(token, language="en")
    await people.invite(token, "two@example.com")
    await people.deliver()
    subjects = [message["subject"] for message in people.mail.messages]
    assert subjects == ["Invitación a Pesquera Sur en Atalaya", "Invitation to Pesquera Sur in Atalaya"]


async def test_job_of_a_mail_can_be_followed_in_its_own_tenant_only(people: PeopleAndMail) -> None:
    admin, stranger = await people.auth.register(), await people.auth.register()
    await people.invite(admin.reply.access_token, "followed@example.com")
    (job,) = await people.deliver()
    request = tenants_pb2.GetJobRequest(job_id=f"auth/{job['id']}")
    found = await people.jobs.GetJob(request, metadata=bearer(admin.reply.access_token))
    assert (found.kind, found.progress, found.job_id) == ("send_invitation_mail", 1, f"auth/{job['id']}")
    error = await refusal(people.jobs.GetJob(request, metadata=bearer(stranger.reply.access_token)))
    assert error.reason == "JOB_NOT_FOUND"


async def fresh(auth: Any, token: str) -> str:
    """Logs the bearer of an old token in again."""
    user_id = jwt.decode(token, options={"verify_signature": False})["sub"]
    (row,) = auth.query("SELECT email FROM users WHERE user_id = %s", user_id)
    return str((await auth.log_in(row["email"], PASSWORD)).access_token)


def reason(outcome: object) -> str:
    if isinstance(outcome, grpc.aio.AioRpcError):
        return from_rpc_error(outcome).reason
    return "joined" if not isinstance(outcome, BaseException) else repr(outcome)
