"""Accounts that are set aside or removed."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from atalaya.ingest.v1 import accounts_pb2, comments_pb2
from atalaya.jobs.v1 import job_pb2
from support.ingest_records import create, lake_follows
from support.ingest_running import Tenant
from support.running import refusal

POSTS = "fecha,texto\n2024-05-06,a\n"


async def update(tenant: Tenant, account_id: str, role: str = "user", **changes: object) -> accounts_pb2.SocialAccount:
    request = accounts_pb2.UpdateSocialAccountRequest(id=account_id, **changes)  # type: ignore[arg-type]
    return await tenant.accounts.UpdateSocialAccount(request, metadata=tenant.bearer(role))


async def test_what_is_given_changes_and_the_rest_stays(tenant: Tenant) -> None:
    account = await tenant.add_account()
    assert (account.is_active, account.sync_interval_minutes) == (True, 30)
    changed = await update(tenant, account.id, sync_interval_minutes=60)
    assert (changed.is_active, changed.sync_interval_minutes) == (True, 60)
    changed = await update(tenant, account.id, is_active=False)
    assert (changed.is_active, changed.sync_interval_minutes) == (False, 60)
    assert await update(tenant, account.id) == changed
    told = tenant.query(
        "SELECT args->'event'->'details' AS details FROM procrastinate_jobs WHERE args->>'tenant_id' = {tenant} "
        "AND args->'event'->>'action' = 'ingest.update_account' ORDER BY id"
    )
    assert [each["details"] for each in told] == [
        {"is_active": "True", "sync_interval_minutes": "60"},
        {"is_active": "False", "sync_interval_minutes": "60"},
    ]


@pytest.mark.slow
async def test_nothing_is_imported_into_an_account_that_is_not_active_and_reads_go_on(tenant: Tenant) -> None:
    account = await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco")
    await update(tenant, account.id, is_active=False)
    error = await refusal(tenant.upload(POSTS, kind="posts", account="banco"))
    assert (error.reason, error.http_status) == ("ACCOUNT_INACTIVE", 409)
    job = await tenant.run(
        "cuenta,fecha,texto\nbanco,2024-05-07,b\ncaja,2024-05-07,c\n",
        kind="posts",
        account_column="cuenta",
        create_accounts=True,
    )
    assert (job.rows_written, job.rows_rejected) == (1, 1)
    [rejected] = await tenant.rejected(job.job_id)
    assert (rejected.column, rejected.value, rejected.reason) == ("cuenta", "banco", "the account is not active")
    assert [post.contenido for post in await tenant.posts()] == ["a"]
    await update(tenant, account.id, is_active=True)
    assert (await tenant.run(POSTS, kind="posts", account="banco")).status == job_pb2.JobStatus.SUCCEEDED


@pytest.mark.slow
async def test_a_removed_account_goes_with_all_that_is_its_own(tenant: Tenant) -> None:
    account = await tenant.add_account()
    await tenant.add_account("caja")
    await tenant.set_access("banco", ["user"])
    for name in ("banco", "caja"):
        job = await tenant.run(POSTS + "never,b\n", kind="posts", account=name)
        await tenant.run("fecha,followers\n2024-05-06,1\n", kind="metrics", account=name)
        await tenant.run("post_id,text,created_at\np,a,2024-05-06\n", kind="comments", account=name)
        assert job.rows_rejected == 1
    await tenant.delete_account(account.id)
    tables = ("accounts", "account_access", "posts", "metrics", "comments", "rejected_rows")
    left = {table: len(tenant.query(f"SELECT FROM {table} WHERE tenant_id = {{tenant}}")) for table in tables}
    assert left == {**dict.fromkeys(tables, 1), "account_access": 0}
    assert list(await tenant.account_list()) == ["caja"]
    await lake_follows(tenant)
    for table in ("posts", "metrics", "comments"):
        assert {row["cuenta"] for row in tenant.lake_rows(f"social/{table}")} == {"caja"}
    # The name is free, the numbers are not.
    again = await tenant.add_account()
    assert (again.id_usuario, (await create(tenant)).id) == (3, 3)


async def test_rejected_rows_of_an_account_that_was_hidden_are_shown_to_nobody_when_it_is_gone(tenant: Tenant) -> None:
    hidden = await tenant.add_account("Hidden")
    await tenant.add_account("caja")
    await tenant.set_access("Hidden", ["admin"])
    file = "cuenta,fecha,texto\nhidden,never,secret\ncaja,never,open\n"
    job = await tenant.run(file, kind="posts", account_column="cuenta")
    assert (await refusal(tenant.rejected(job.job_id))).reason == "ACCOUNT_FORBIDDEN"
    request = accounts_pb2.DeleteSocialAccountRequest(id=hidden.id)
    await tenant.accounts.DeleteSocialAccount(request, metadata=tenant.bearer("admin"))
    assert [row.raw for row in await tenant.rejected(job.job_id)] == ["caja,never,open"]


@pytest.mark.slow
async def test_an_import_that_runs_while_its_account_is_removed_leaves_no_rows_of_nobody(tenant: Tenant) -> None:
    account = await tenant.add_account()
    rows = "".join(f"2024-{1 + number % 12:02d}-05 10:00:00,t{number}\n" for number in range(20_000))
    job_id = await tenant.upload(f"fecha,texto\n{rows}", kind="posts", account="banco")
    async with asyncio.timeout(30):
        while (await tenant.queue.get(tenant.tenant_id, job_id)).rows_read == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await tenant.delete_account(account.id)
    job = await tenant.ended(job_id)
    # Either came first, and both are whole.
    assert job.code in ("", "ACCOUNT_FORBIDDEN")
    assert tenant.query("SELECT FROM posts WHERE tenant_id = {tenant}") == []
    await lake_follows(tenant)


async def test_an_account_that_is_not_there_or_hidden_or_anothers_is_not_found(
    tenant: Tenant, new_tenant: Callable[[], Tenant]
) -> None:
    account, other = await tenant.add_account(), new_tenant()
    await tenant.set_access("banco", ["admin"])
    for caller, account_id in ((tenant, str(uuid4())), (tenant, account.id), (other, account.id)):
        for call in (update(caller, account_id, is_active=False), caller.delete_account(account_id)):
            error = await refusal(call)
            assert (error.reason, error.http_status) == ("SOCIAL_ACCOUNT_NOT_FOUND", 404)
    # The control: its admin finds it.
    assert not (await update(tenant, account.id, "admin", is_active=False)).is_active
    request = accounts_pb2.DeleteSocialAccountRequest(id=account.id)
    await tenant.accounts.DeleteSocialAccount(request, metadata=tenant.bearer("admin"))
    gone = await refusal(tenant.accounts.DeleteSocialAccount(request, metadata=tenant.bearer("admin")))
    assert gone.reason == "SOCIAL_ACCOUNT_NOT_FOUND"
    error = await refusal(
        tenant.comments.ListComments(comments_pb2.ListCommentsRequest(account="banco"), metadata=tenant.bearer("admin"))
    )
    assert error.reason == "ACCOUNT_FORBIDDEN"
