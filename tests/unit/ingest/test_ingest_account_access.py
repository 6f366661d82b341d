"""Who of a company sees which of its accounts: set by admins, honoured by whatever names or lists an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from atalaya.ingest.v1 import access_pb2, accounts_pb2, data_pb2, records_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_runtime.status import from_rpc_error
from support import postgres
from support.ingest_running import Tenant, messages
from support.running import refusal

Caller = tuple[tuple[str, str], ...]
POSTS = "fecha,texto,id\n2024-01-05,a,1\n"
MIXED = "cuenta,fecha,texto,id\nbanco,2024-01-05,a,1\nsecreta,2024-01-05,secret words,2\n"


async def secret_and_open(tenant: Tenant) -> UUID:
    """Makes two accounts, of which one is for admins and a person alone; gives the person."""
    person = uuid4()
    for name in ("banco", "secreta"):
        await tenant.add_account(name)
    await tenant.set_access("secreta", ["admin"], [person])
    return person


async def upload(tenant: Tenant, caller: Caller, content: str, **parameters: Any) -> str:
    reply = await tenant.data.ImportData(messages(content.encode(), "text/csv", parameters), metadata=caller)
    return reply.job_id


def reads(tenant: Tenant, caller: Caller, name: str) -> list[Awaitable[Any]]:
    """All that reads an account by its name."""
    records = tenant.records
    return [
        records.ListPublicaciones(records_pb2.ListPublicacionesRequest(usuario=name), metadata=caller),
        records.ExportPublicacionesJson(records_pb2.ExportPublicacionesJsonRequest(usuario=name), metadata=caller),
        records.ListMetricas(records_pb2.ListMetricasRequest(usuario=name), metadata=caller),
        records.ExportMetricasJson(records_pb2.ExportMetricasJsonRequest(usuario=name), metadata=caller),
    ]


async def test_an_account_is_open_until_access_is_set_and_again_when_it_is_emptied(tenant: Tenant) -> None:
    await tenant.add_account("Banco")
    viewer, person = tenant.bearer("viewer"), uuid4()
    request = access_pb2.GetAccountAccessRequest(cuenta="banco")
    nothing = await tenant.access.GetAccountAccess(request, metadata=tenant.bearer("admin"))
    assert (nothing.cuenta, nothing.is_open, list(nothing.roles), list(nothing.users)) == ("Banco", True, [], [])
    assert await tenant.visible(viewer) == ["Banco"]

    done = await tenant.set_access("BANCO", ["admin", "user"], [person])
    assert (done.cuenta, done.is_open, list(done.roles), list(done.users)) == (
        "Banco",
        False,
        ["user", "admin"],
        [str(person)],
    )
    assert await tenant.access.GetAccountAccess(request, metadata=tenant.bearer("admin")) == done
    assert await tenant.visible(viewer) == []

    assert (await tenant.set_access("banco")).is_open
    assert await tenant.visible(viewer) == ["Banco"]


async def test_setting_the_same_again_changes_nothing_and_the_last_set_counts(tenant: Tenant) -> None:
    await tenant.add_account()
    for _ in range(2):
        await tenant.set_access("banco", ["user"])
    assert await tenant.visible(tenant.bearer("user")) == ["banco"]
    await tenant.set_access("banco", ["admin"])
    assert await tenant.visible(tenant.bearer("user")) == []
    assert len(tenant.query("SELECT * FROM account_access WHERE tenant_id = {tenant}")) == 1


@pytest.mark.parametrize(
    ("roles", "seeing"),
    [
        ({"viewer"}, ["viewer", "user", "admin"]),
        ({"user"}, ["user", "admin"]),
        ({"admin"}, ["admin"]),
        ({"viewer", "admin"}, ["viewer", "user", "admin"]),
        # Somebody is named, and no role.
        (set(), ["admin"]),
    ],
)
async def test_a_role_opens_an_account_to_those_above_it_and_admins_need_none(
    tenant: Tenant, roles: set[str], seeing: list[str]
) -> None:
    await tenant.add_account()
    await tenant.set_access("banco", roles, [uuid4()])
    assert [role for role in ROLES if await tenant.visible(tenant.bearer(role)) == ["banco"]] == seeing


async def test_named_people_and_admins_see_it_and_programs_count_by_their_role(tenant: Tenant) -> None:
    person = await secret_and_open(tenant)
    for caller in (tenant.bearer("viewer", person), tenant.bearer("admin"), tenant.program("admin")):
        assert await tenant.visible(caller) == ["banco", "secreta"]
        for read in reads(tenant, caller, "secreta"):
            await read
    # Not even by an id that is named.
    assert await tenant.visible(tenant.program("user", person)) == ["banco"]
    job = await tenant.ended(
        await upload(tenant, tenant.program("user", person), MIXED, kind="posts", account_column="cuenta")
    )
    assert (job.rows_written, job.rows_rejected) == (1, 1)


async def test_a_hidden_account_is_refused_like_one_that_does_not_exist(tenant: Tenant) -> None:
    await secret_and_open(tenant)
    caller = tenant.bearer("user")
    for name in ("secreta", "SECRETA", "nobody"):
        for read in reads(tenant, caller, name):
            error = await refusal(read)
            assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
            assert (error.message, error.metadata) == ("Your company has no such account.", {"account": name})


async def test_hidden_accounts_are_not_listed_and_pages_stay_full(tenant: Tenant) -> None:
    names = [f"cuenta{number}" for number in range(7)]
    for name in names:
        await tenant.add_account(name)
    for name in ("cuenta0", "cuenta2", "cuenta3", "cuenta6"):
        await tenant.set_access(name, ["admin"])
    pages: dict[str, list[list[str]]] = {"viewer": [], "admin": []}
    for role, found in pages.items():
        caller, token = tenant.bearer(role), ""
        while True:
            request = accounts_pb2.ListSocialAccountsRequest(page_size=2, page_token=token)
            page = await tenant.accounts.ListSocialAccounts(request, metadata=caller)
            found.append([account.username for account in page.social_accounts])
            token = page.next_page_token
            if not token:
                break
    assert pages["viewer"] == [["cuenta1", "cuenta4"], ["cuenta5"]]
    assert pages["admin"] == [names[0:2], names[2:4], names[4:6], names[6:]]


@pytest.mark.parametrize("create", [False, True])
async def test_a_file_for_a_hidden_account_is_not_taken(tenant: Tenant, create: bool) -> None:
    person = await secret_and_open(tenant)
    parameters: dict[str, Any] = {"kind": "posts", "account": "Secreta", "create_accounts": create}
    error = await refusal(upload(tenant, tenant.bearer("user"), POSTS, **parameters))
    assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
    job = await tenant.ended(await upload(tenant, tenant.bearer("user", person), POSTS, **parameters))
    assert job.rows_written == 1


@pytest.mark.parametrize("create", [False, True])
async def test_rows_of_a_hidden_account_are_rejected_and_those_of_others_written(tenant: Tenant, create: bool) -> None:
    person = await secret_and_open(tenant)
    parameters: dict[str, Any] = {"kind": "posts", "account_column": "cuenta", "create_accounts": create}
    job = await tenant.ended(await upload(tenant, tenant.bearer("user"), MIXED, **parameters))
    assert (job.rows_written, job.rows_rejected) == (1, 1)
    request = data_pb2.ListRejectedRowsRequest(job_id=job.job_id)
    [row] = (await tenant.data.ListRejectedRows(request, metadata=tenant.bearer("admin"))).rows
    assert (row.line, row.value, row.reason) == (3, "secreta", "not an account of the tenant")
    assert tenant.query("SELECT contenido FROM posts WHERE tenant_id = {tenant}") == [{"contenido": "a"}]
    assert {account["id_usuario"] for account in tenant.query(ACCOUNTS)} == {1, 2}
    # The control: the named person's rows are written.
    job = await tenant.ended(await upload(tenant, tenant.bearer("user", person), MIXED, **parameters))
    assert (job.rows_written, job.rows_unchanged, job.rows_rejected) == (1, 1, 0)


ACCOUNTS = "SELECT id_usuario FROM accounts WHERE tenant_id = {tenant}"


async def test_an_import_counts_by_the_access_when_its_job_runs(tenant: Tenant) -> None:
    await tenant.add_account("secreta")
    parameters: dict[str, Any] = {"kind": "posts", "account_column": "cuenta", "create_accounts": True}
    with postgres.server().connect(tenant.suite.service_database.name) as connection:
        # The job has to wait for this row before it makes `banco`.
        lock = "SELECT value FROM counters WHERE tenant_id = %s AND name = 'accounts' FOR UPDATE"
        assert connection.execute(lock, [tenant.tenant_id]).fetchall() == [(1,)]
        job_id = await upload(tenant, tenant.bearer("user"), MIXED, **parameters)
        await tenant.set_access("secreta", ["admin"])
    job = await tenant.ended(job_id)
    assert (job.rows_written, job.rows_rejected) == (1, 1)


@pytest.mark.parametrize("parameters", [{"account": "secreta"}, {"account_column": "cuenta"}])
async def test_rejected_rows_are_shown_to_their_sender_and_to_who_may_see_the_accounts(
    tenant: Tenant, parameters: dict[str, str]
) -> None:
    person, sender = await secret_and_open(tenant), uuid4()
    await tenant.set_access("secreta", ["admin"], [person, sender])
    content = "cuenta,fecha,texto,id\nsecreta,never,secret words,2\n"
    job = await tenant.ended(await upload(tenant, tenant.bearer("user", sender), content, kind="posts", **parameters))
    request = data_pb2.ListRejectedRowsRequest(job_id=job.job_id)
    error = await refusal(tenant.data.ListRejectedRows(request, metadata=tenant.bearer("user")))
    assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
    assert "secret" not in f"{error.message}{error.metadata}"
    for caller in (tenant.bearer("user", sender), tenant.bearer("viewer", person), tenant.bearer("admin")):
        assert len((await tenant.data.ListRejectedRows(request, metadata=caller)).rows) == 1
    await tenant.set_access("secreta")
    assert len((await tenant.data.ListRejectedRows(request, metadata=tenant.bearer("viewer"))).rows) == 1


async def test_a_name_that_is_taken_by_a_hidden_account_stays_taken(tenant: Tenant) -> None:
    await secret_and_open(tenant)
    request = accounts_pb2.CreateSocialAccountRequest(platform="csv", username="secreta")
    error = await refusal(tenant.accounts.CreateSocialAccount(request, metadata=tenant.bearer("user")))
    assert error.reason == "ACCOUNT_EXISTS"


async def test_the_trail_hears_who_set_what_and_nothing_of_what_was_refused(tenant: Tenant) -> None:
    account, admin, person = await tenant.add_account(), uuid4(), uuid4()
    for name in ("banco", "nobody"):
        request = access_pb2.SetAccountAccessRequest(cuenta=name, roles=["user"], users=[str(person)])
        call = tenant.access.SetAccountAccess(request, metadata=tenant.bearer("admin", admin))
        if name == "banco":
            await call
        else:
            assert (await refusal(call)).reason == "ACCOUNT_FORBIDDEN"
    told = tenant.query(
        "SELECT args->'event' AS event FROM procrastinate_jobs WHERE args->>'tenant_id' = {tenant} "
        "AND args->'event'->>'action' = 'ingest.set_account_access'"
    )
    [event] = [row["event"] for row in told]
    assert (event["actor"], event["resource"], event["outcome"]) == (str(admin), f"social-accounts/{account.id}", "OK")
    assert event["details"] == {"roles": "user", "users": str(person)}


@pytest.mark.parametrize("role", ["viewer", "user"])
async def test_only_admins_set_and_see_access(tenant: Tenant, role: str) -> None:
    await tenant.add_account()
    person, caller = uuid4(), tenant.bearer(role)
    setting = access_pb2.SetAccountAccessRequest(cuenta="banco", users=[str(person)])
    for call in (
        tenant.access.SetAccountAccess(setting, metadata=caller),
        tenant.access.GetAccountAccess(access_pb2.GetAccountAccessRequest(cuenta="banco"), metadata=caller),
    ):
        assert (await refusal(call)).reason == "ROLE_NOT_SUFFICIENT"


async def test_accounts_of_nobody_and_of_other_tenants_have_no_access_to_set(
    tenant: Tenant, new_tenant: Callable[[], Tenant]
) -> None:
    other = new_tenant()
    await other.add_account("ajena")
    for name in ("ajena", "nobody"):
        assert (await refusal(tenant.set_access(name, ["user"]))).reason == "ACCOUNT_FORBIDDEN"
        request = access_pb2.GetAccountAccessRequest(cuenta=name)
        error = await refusal(tenant.access.GetAccountAccess(request, metadata=tenant.bearer("admin")))
        assert error.reason == "ACCOUNT_FORBIDDEN"
    assert await other.visible(other.bearer("viewer")) == ["ajena"]


async def test_people_of_another_tenant_gain_nothing_by_being_named(
    tenant: Tenant, new_tenant: Callable[[], Tenant]
) -> None:
    other, stranger = new_tenant(), uuid4()
    await tenant.add_account("secreta")
    await other.add_account("suya")
    await tenant.set_access("secreta", users=[stranger])
    assert await other.visible(other.bearer("admin", stranger)) == ["suya"]
    for read in reads(other, other.bearer("admin", stranger), "secreta"):
        assert (await refusal(read)).reason == "ACCOUNT_FORBIDDEN"


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": ["owner"]},
        {"roles": ["ADMIN"]},
        {"roles": ["user", "user"]},
        {"users": ["ana"]},
        {"users": [""]},
        {"users": ["6f1c2f5e-0000-7000-8000-000000000001"] * 2},
        {"users": [str(UUID(int=number)) for number in range(1001)]},
        {"cuenta": ""},
        {"cuenta": "x" * 201},
    ],
)
async def test_what_breaks_the_contract_is_refused_and_changes_nothing(tenant: Tenant, wrong: dict[str, Any]) -> None:
    await tenant.add_account()
    request = access_pb2.SetAccountAccessRequest(**{"cuenta": "banco", **wrong})
    error = await refusal(tenant.access.SetAccountAccess(request, metadata=tenant.bearer("admin")))
    assert error.http_status == 422
    assert tenant.query("SELECT * FROM account_access WHERE tenant_id = {tenant}") == []


async def test_one_person_written_in_two_ways_is_one_person(tenant: Tenant) -> None:
    await tenant.add_account()
    person = str(UUID("6f1c2f5e-abcd-7000-8000-000000000001"))
    assert list((await tenant.set_access("banco", users=[person, person.upper()])).users) == [person]


ROLES = ["viewer", "user", "admin"]
PEOPLE = [UUID(int=number) for number in range(1, 5)]
ACCESS = st.tuples(st.sets(st.sampled_from(ROLES)), st.sets(st.sampled_from(PEOPLE)))
CALLERS = st.tuples(st.sampled_from(["person", "program"]), st.sampled_from(ROLES), st.sampled_from(PEOPLE))


async def answers(tenant: Tenant, caller: Caller, name: str) -> bool:
    request = records_pb2.ListPublicacionesRequest(usuario=name)
    try:
        await tenant.records.ListPublicaciones(request, metadata=caller)
    except grpc.aio.AioRpcError as error:
        assert from_rpc_error(error).reason == "ACCOUNT_FORBIDDEN"
        return False
    return True


def may_see(access: tuple[set[str], set[UUID]], caller: tuple[str, str, UUID]) -> bool:
    """The rule, said once more in other words."""
    (roles, users), (kind, role, subject) = access, caller
    least = min((ROLES.index(each) for each in roles), default=len(ROLES))
    is_named = kind == "person" and subject in users
    return role == "admin" or not (roles or users) or ROLES.index(role) >= least or is_named


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(accesses=st.lists(ACCESS, min_size=1, max_size=4), callers=st.lists(CALLERS, min_size=1, max_size=4))
async def test_an_account_is_seen_by_the_rule_alone_and_lists_name_what_reading_answers_for(
    new_tenant: Callable[[], Tenant],
    accesses: list[tuple[set[str], set[UUID]]],
    callers: list[tuple[str, str, UUID]],
) -> None:
    tenant = new_tenant()
    names = [f"cuenta{number}" for number in range(len(accesses))]
    for name, (roles, users) in zip(names, accesses, strict=True):
        await tenant.add_account(name)
        await tenant.set_access(name, roles, users)
    for caller in callers:
        kind, role, subject = caller
        bearer = tenant.program(role, subject) if kind == "program" else tenant.bearer(role, subject)
        answering = [name for name in names if await answers(tenant, bearer, name)]
        listed = await tenant.accounts.ListSocialAccounts(accounts_pb2.ListSocialAccountsRequest(), metadata=bearer)
        expected = [name for name, access in zip(names, accesses, strict=True) if may_see(access, caller)]
        assert answering == expected
        assert await tenant.visible(bearer) == expected
        assert [account.username for account in listed.social_accounts] == expected
