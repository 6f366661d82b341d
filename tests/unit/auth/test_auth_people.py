"""People of a tenant: their numbers, their list, and what admins change about them."""

import asyncio
from datetime import UTC
from uuid import UUID, uuid4

import pytest
from auth_service.config import Settings
from service_runtime.errors import Conflict, InvalidArgument, NotFound, PermissionDenied, ServiceError
from support.auth_people import PeopleAndMail
from support.auth_running import RunningAuth, StartAuth
from support.mail_server import mail_server
from support.revocations import redis_of_its_own, refused_soon
from support.running import refusal


async def test_person_is_shown_under_the_documented_names_too(people: PeopleAndMail) -> None:
    me = await people.auth.me((await people.auth.register()).reply.access_token)
    assert (me.cuenta, me.empresa_id, me.rol, me.activo) == (me.username, me.tenant_id, me.role, me.is_active)
    assert (me.fecha_creacion, me.status, me.id_usuario) == (me.created_at, "active", 1)
    again = await people.auth.me((await people.auth.log_in(me.email)).access_token)
    assert again.ultimo_acceso == again.last_login_at
    assert again.HasField("ultimo_acceso")


async def test_people_who_join_at_once_get_numbers_one_after_the_other(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    tokens = []
    for number in range(6):
        await people.invite(admin.reply.access_token, f"numbered{number}@example.com")
        await people.deliver()
        tokens.append(people.mail.token())
    joined = await asyncio.gather(
        *(people.join(token, f"numbered{number}@example.com") for number, token in enumerate(tokens))
    )
    assert sorted(person.user.id_usuario for person in joined) == [2, 3, 4, 5, 6, 7]


async def test_number_of_who_left_is_not_given_again(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    leaver = await people.add(admin)
    await people.leave(leaver.reply.access_token)
    assert (await people.add(admin)).user.id_usuario == 3


async def test_people_and_open_invitations_are_listed_in_their_order(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    token = admin.reply.access_token
    member = await people.add(admin, "viewer")
    invited = await people.invite(token, "soon@example.com", "admin")
    listed = (await people.everybody(token)).users
    assert [(user.id, user.status, user.role) for user in listed] == [
        (admin.user.id, "active", "admin"),
        (member.user.id, "active", "viewer"),
        (invited.id, "invited", "admin"),
    ]
    assert (listed[2].email, listed[2].id_usuario, listed[2].is_active) == ("soon@example.com", 0, False)
    assert listed[0].last_login_at.ToDatetime(UTC) == people.auth.clock.now


async def test_list_comes_in_pages_that_belong_to_the_tenant(people: PeopleAndMail) -> None:
    admin, stranger = await people.auth.register(), await people.auth.register()
    token = admin.reply.access_token
    invited = [(await people.invite(token, f"paged{number}@example.com")).id for number in range(4)]
    seen: list[str] = []
    page_token = ""
    while True:
        page = await people.everybody(token, page_size=2, page_token=page_token)
        seen += [user.id for user in page.users]
        page_token = page.next_page_token
        if not page_token:
            break
    assert seen == [admin.user.id, *invited]
    first = await people.everybody(token, page_size=2)
    error = await refusal(people.everybody(stranger.reply.access_token, page_token=first.next_page_token))
    assert error.reason == "BAD_PAGE_TOKEN"


@pytest.mark.parametrize("role", ["viewer", "user"])
async def test_only_admins_see_and_change_people(people: PeopleAndMail, role: str) -> None:
    admin = await people.auth.register()
    token = (await people.add(admin, role)).reply.access_token
    attempts = [
        people.everybody(token),
        people.invite(token, "x@example.com"),
        people.change(token, admin.user.id, role="viewer"),
    ]
    assert all([isinstance(await refusal(attempt), PermissionDenied) for attempt in attempts])


async def test_role_change_voids_the_old_tokens_and_refreshing_gives_the_new_role(
    start_auth: StartAuth, settings: Settings
) -> None:
    with redis_of_its_own() as redis:
        async with start_auth(redis_url=redis.url) as auth, mail_server() as mail:
            people = PeopleAndMail(auth, settings, mail)
            admin = await auth.register()
            member = await people.add(admin, "admin")
            await people.change(admin.reply.access_token, member.user.id, role="viewer")
            await refused_soon(lambda: auth.me(member.reply.access_token))
            renewed = await auth.refresh(member.reply.refresh_token)
            assert isinstance(await refusal(people.everybody(renewed.access_token)), PermissionDenied)
            assert (await auth.me(renewed.access_token)).role == "viewer"
            # Nobody else's tokens are void.
            assert (await auth.me(admin.reply.access_token)).id == admin.user.id


async def test_deactivation_ends_every_session_at_once(start_auth: StartAuth, settings: Settings) -> None:
    with redis_of_its_own() as redis:
        async with start_auth(redis_url=redis.url) as auth, mail_server() as mail:
            people = PeopleAndMail(auth, settings, mail)
            admin = await auth.register()
            member = await people.add(admin)
            elsewhere = await auth.log_in(member.email)
            changed = await people.change(admin.reply.access_token, member.user.id, is_active=False)
            assert (changed.is_active, changed.status) == (False, "inactive")
            for session in (member.reply, elsewhere):
                assert (await refusal(auth.refresh(session.refresh_token))).reason == "BAD_REFRESH_TOKEN"
            assert (await refused_soon(lambda: auth.list_sessions(elsewhere.access_token))).reason == "TOKEN_REVOKED"
            assert (await refusal(auth.log_in(member.email))).reason == "BAD_CREDENTIALS"
            await people.change(admin.reply.access_token, member.user.id, is_active=True)
            assert (await auth.log_in(member.email)).access_token


async def test_log_ins_under_way_do_not_outlive_a_deactivation(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    logging_in = [asyncio.create_task(people.auth.log_in(member.email)) for _ in range(6)]
    await people.change(admin.reply.access_token, member.user.id, is_active=False)
    for outcome in await asyncio.gather(*logging_in, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            assert (await refusal(people.auth.refresh(outcome.refresh_token))).reason == "BAD_REFRESH_TOKEN"
    living = "SELECT 1 FROM sessions WHERE user_id = %s AND ended_at IS NULL"
    assert people.auth.query(living, member.user.id) == []


@pytest.mark.parametrize("change", [{"role": "user"}, {"is_active": False}])
async def test_last_admin_stays(people: PeopleAndMail, change: dict[str, object]) -> None:
    admin = await people.auth.register()
    inactive = await people.add(admin, "admin")
    token = admin.reply.access_token
    await people.change(token, inactive.user.id, is_active=False)
    error = await refusal(people.change(token, admin.user.id, **change))
    assert isinstance(error, Conflict)
    assert error.reason == "LAST_ADMIN"
    # With another active admin it is allowed.
    await people.change(token, inactive.user.id, is_active=True)
    assert (await people.change(token, admin.user.id, **change)).id == admin.user.id


async def test_of_two_admins_who_unseat_each_other_at_once_one_stays(people: PeopleAndMail) -> None:
    one = await people.auth.register()
    other = await people.add(one, "admin")
    outcomes = await asyncio.gather(
        people.change(one.reply.access_token, other.user.id, role="viewer"),
        people.change(other.reply.access_token, one.user.id, role="viewer"),
        people.leave(one.reply.access_token),
        people.leave(other.reply.access_token),
        return_exceptions=True,
    )
    assert any(isinstance(outcome, BaseException) for outcome in outcomes)
    ruling = "SELECT 1 FROM users WHERE tenant_id = %s AND role = 'admin' AND is_active"
    assert len(people.auth.query(ruling, one.user.tenant_id)) == 1


async def test_what_changes_nothing_ends_nothing(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin, "viewer")
    before = audit(people.auth, admin.user.tenant_id)
    await people.change(admin.reply.access_token, member.user.id, role="viewer", is_active=True)
    await people.change(admin.reply.access_token, member.user.id)
    assert audit(people.auth, admin.user.tenant_id) == before
    assert (await people.auth.refresh(member.reply.refresh_token)).access_token


async def test_people_of_other_tenants_look_like_nobody(people: PeopleAndMail) -> None:
    admin, stranger = await people.auth.register(), await people.auth.register()
    theirs = await people.invite(stranger.reply.access_token, "theirs@example.com")
    errors = [
        await refusal(people.change(admin.reply.access_token, user_id, role="viewer"))
        for user_id in (stranger.user.id, theirs.id, str(uuid4()))
    ]
    assert {(type(error), error.reason, error.message) for error in errors} == {
        (NotFound, "USER_NOT_FOUND", "There is no such person in the tenant.")
    }
    assert (await people.change(stranger.reply.access_token, theirs.id, role="viewer")).role == "viewer"


async def test_changes_are_in_the_audit_trail(people: PeopleAndMail) -> None:
    admin = await people.auth.register()
    member = await people.add(admin)
    await people.change(admin.reply.access_token, member.user.id, role="viewer", is_active=False)
    (event,) = [each for each in audit(people.auth, admin.user.tenant_id) if each["action"] == "user.change"]
    assert (event["actor"], event["resource"]) == (admin.user.id, f"users/{member.user.id}")
    assert event["details"] == {"role": "viewer", "is_active": "false"}


async def test_tenant_is_told_with_its_active_people(people: PeopleAndMail) -> None:
    admin = await people.auth.register(tenant_name="Andes Foods")
    member, other = await people.add(admin, "viewer"), await people.add(admin)
    await people.change(admin.reply.access_token, other.user.id, is_active=False)
    tenant = await people.tenant(member.reply.access_token)
    assert (tenant.name, tenant.users, tenant.is_active) == ("Andes Foods", 2, True)
    assert (tenant.id, tenant.timezone) == (admin.user.tenant_id, "America/Lima")
    assert tenant.created_at.ToDatetime(UTC) == people.auth.clock.now


@pytest.mark.parametrize("changes", [{"role": "king"}, {"user_id": "me"}])
async def test_limits_of_the_contract_hold(people: PeopleAndMail, changes: dict[str, str]) -> None:
    admin = await people.auth.register()
    error = await refusal(people.change(admin.reply.access_token, **{"user_id": admin.user.id, **changes}))
    assert isinstance(error, ServiceError)
    assert not isinstance(error, InvalidArgument)
    assert error.http_status == 422


def audit(auth: RunningAuth, tenant_id: str) -> list[dict[str, object]]:
    return auth.query("SELECT * FROM audit_events WHERE tenant_id = %s ORDER BY event_id", UUID(tenant_id))
