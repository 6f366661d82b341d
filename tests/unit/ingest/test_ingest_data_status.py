"""The state of the data tells what is fresh, what lags and what went wrong, and nothing that is out of sight."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from atalaya.ingest.v1 import accounts_pb2, status_pb2
from ingest_service.data_status import source_status
from ingest_service.status_store import LastRun
from support.ingest_running import Tenant
from support.postgres import server

PARAMETERS = {"kind": "posts", "account": "banco"}


SOURCE = (
    "INSERT INTO sources (tenant_id, source_id, name, kind, host, port, database_name, tls, key_id, wrapped_key, "
    "credentials, tables, format, schedule, timezone) "
    "VALUES (%s, %s, %s, 'mysql', 'db', 3306, 'crm', 'require', 'k', '', '', '[]', 'csv', '', 'UTC')"
)


def add_source(tenant: Tenant, name: str) -> None:
    """Adds a source that never ran, without a server behind it."""
    with server().connect(tenant.suite.service_database.name) as connection:
        connection.execute(SOURCE.encode(), [tenant.tenant_id, uuid4(), name])


async def state(tenant: Tenant, role: str = "viewer") -> status_pb2.GetDataStatusResponse:
    return await tenant.status.GetDataStatus(status_pb2.GetDataStatusRequest(), metadata=tenant.bearer(role))


async def of(tenant: Tenant, account: str = "banco") -> status_pb2.AccountStatus:
    (found,) = [each for each in (await state(tenant)).accounts if each.account == account]
    return found


async def test_an_account_is_empty_until_rows_come_in_and_then_fresh(tenant: Tenant) -> None:
    await tenant.add_account()
    before = await of(tenant)
    assert (before.status, before.platform, before.lag_seconds, before.error) == ("EMPTY", "csv", 0, "")
    assert not before.HasField("last_sync_at")
    await tenant.run("fecha,texto\n2024-01-05,a\n", **PARAMETERS)
    after = await of(tenant)
    assert (after.status, after.lag_seconds) == ("OK", 0)
    assert (datetime.now(UTC) - after.last_sync_at.ToDatetime(UTC)).total_seconds() < 60


async def test_what_the_lake_lacks_is_told_with_how_long_already(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run("fecha,texto\n2024-01-05,a\n2024-02-05,b\n", **PARAMETERS)
    # As one that waits for a lake that is away: changed once more than copied, an hour and half an hour ago.
    tenant.set_partitions("changed = copied + 1")
    tenant.set_partitions("stale_since = now() - interval '30 minutes'")
    tenant.set_partitions("stale_since = now() - interval '1 hour'", month="2024-01")
    lagging = await of(tenant)
    assert lagging.status == "LAGGING"
    assert 3600 <= lagging.lag_seconds < 3660
    # A later change of what is stale already does not make it fresher.
    tenant.set_partitions("changed = changed + 1")
    assert (await of(tenant)).lag_seconds >= 3600
    tenant.set_partitions("copied = changed")
    assert ((await of(tenant)).status, (await of(tenant)).lag_seconds) == ("OK", 0)


async def test_what_went_wrong_last_is_told_until_an_import_goes_well(tenant: Tenant) -> None:
    for name in ("banco", "otra"):
        await tenant.add_account(name)
    await tenant.run("nada,texto\n1,a\n", kind="posts", account="BANCO")
    assert "fecha_publicacion" in (await of(tenant)).error
    assert (await of(tenant, "otra")).error == ""
    await tenant.run("nada,texto\n1,a\n", **PARAMETERS, dry_run=True)
    await tenant.run("fecha,texto\n2024-01-05,a\n", **PARAMETERS)
    assert (await of(tenant)).error == ""
    await tenant.run("nada,texto\n1,a\n", **PARAMETERS, dry_run=True)
    assert (await of(tenant)).error == ""


async def test_an_inactive_account_is_told_as_such(tenant: Tenant) -> None:
    account = await tenant.add_account()
    change = accounts_pb2.UpdateSocialAccountRequest(id=account.id, is_active=False)
    await tenant.accounts.UpdateSocialAccount(change, metadata=tenant.bearer("admin"))
    assert (await of(tenant)).status == "INACTIVE"


async def test_accounts_out_of_sight_are_not_told(tenant: Tenant) -> None:
    for name in ("banco", "otra"):
        await tenant.add_account(name)
    await tenant.set_access("otra", roles=["admin"])
    assert [each.account for each in (await state(tenant)).accounts] == ["banco"]
    assert [each.account for each in (await state(tenant, "admin")).accounts] == ["banco", "otra"]
    assert not (await state(Tenant(tenant.suite), "admin")).accounts


async def test_the_twenty_newest_jobs_are_told(tenant: Tenant) -> None:
    database, owner = tenant.suite.database, tenant.tenant_id
    async with database.tenant_session(owner) as session:
        jobs = [
            await tenant.queue.enqueue(session, tenant_id=owner, kind="none", payload={}, requested_by="")
            for _ in range(22)
        ]
    told = [job.job_id for job in (await state(tenant)).jobs]
    assert told == sorted((job.id for job in jobs), reverse=True)[:20]


async def test_only_admins_see_sources(tenant: Tenant) -> None:
    add_source(tenant, "crm")
    assert not (await state(tenant, "user")).sources
    (source,) = (await state(tenant, "admin")).sources
    assert (source.name, source.status, source.rows, source.error) == ("crm", "NEVER", 0, "")


@pytest.mark.parametrize(
    ("job", "status"),
    [
        ("", "NEVER"),
        ("QUEUED", "RUNNING"),
        ("RUNNING", "RUNNING"),
        ("SUCCEEDED", "OK"),
        ("FAILED", "FAILED"),
        ("CANCELLED", "FAILED"),
    ],
)
def test_a_source_stands_as_its_last_run(job: str, status: str) -> None:
    assert source_status(LastRun(f"crm-{uuid4()}", None, 0, job, "")) == status
