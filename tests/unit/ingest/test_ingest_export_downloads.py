"""Who gets the file of an export, which part of it, for how long, and what stands in its headers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from atalaya.ingest.v1 import accounts_pb2, exports_pb2
from atalaya.jobs.v1 import job_pb2
from hypothesis import given
from hypothesis import strategies as st
from ingest_service.export_expiry import ExportExpiry
from ingest_service.export_files import content_disposition
from ingest_service.export_range import AskedRange, wanted_range
from ingest_service.export_request import ExportRequest
from ingest_service.export_store import ExportStore
from service_runtime.errors import Conflict, NotFound, PermissionDenied, RangeNotSatisfiable
from service_runtime.lake.local import LocalLake
from support import postgres
from support.ingest_exports import create_export, download, export, exports_of
from support.ingest_running import Tenant
from support.running import refusal

POSTS = "fecha,texto\n2024-01-05T10:00:00Z,Hola\n2024-01-06T10:00:00Z,Lima\n"


@pytest.fixture
async def filled(tenant: Tenant) -> Tenant:
    """A company with two accounts that have posts."""
    for account in ("banco", "caja"):
        await tenant.add_account(account)
        await tenant.run(POSTS, kind="posts", account=account)
    return tenant


async def asked_for(tenant: Tenant, caller: tuple[tuple[str, str], ...] = (), **parameters: Any) -> str:
    job = await export(tenant, caller, **{"kind": "posts", "format": "csv", **parameters})
    assert job.status == job_pb2.JobStatus.SUCCEEDED
    return job.job_id


async def test_parts_of_a_file_make_the_whole(filled: Tenant) -> None:
    job_id = await asked_for(filled)
    whole = await download(filled, job_id)
    size = len(whole)
    assert await download(filled, job_id, "bytes=0-9") + await download(filled, job_id, "bytes=10-") == whole
    assert await download(filled, job_id, "bytes=-7") == whole[-7:]
    assert await download(filled, job_id, f"bytes=5-{size + 100}") == whole[5:]
    for beyond in (
        f"bytes={size}-",
        "bytes=-0",
        f"bytes={'9' * 80}-",
        "bytes=9-3",
        "bytes=0-1,4-5",
        "lines=1-2",
        "bytes=-",
    ):
        error = await refusal(download(filled, job_id, beyond))
        assert (type(error), error.reason) == (RangeNotSatisfiable, "BAD_RANGE")


async def test_the_headers_tell_of_the_file(filled: Tenant) -> None:
    job_id = await asked_for(filled, account="banco")
    request = exports_pb2.DownloadExportRequest(job_id=job_id, range="bytes=2-5")
    call = exports_of(filled).DownloadExport(request, metadata=filled.bearer("viewer"))
    headers = {key: value for key, value in await call.initial_metadata() or () if isinstance(value, str)}
    parts = [part async for part in call]
    job = await filled.ended(job_id)
    size = int(job.details["bytes"])
    assert headers["content-range"] == f"bytes 2-5/{size}"
    assert headers["x-content-length"] == "4"
    assert headers["etag"] == f'"{job.details["sha256"]}"'
    assert (headers["accept-ranges"], headers["x-content-type-options"]) == ("bytes", "nosniff")
    assert "no-transform" in headers["cache-control"]
    assert headers["content-disposition"].startswith('attachment; filename="posts-banco-20')
    assert parts[0].content_type == "text/csv; charset=utf-8"


async def test_only_who_asked_or_may_see_every_account_gets_the_file(
    filled: Tenant, new_tenant: Callable[[], Tenant]
) -> None:
    asker, other = uuid4(), filled.bearer("viewer", uuid4())
    mine = filled.bearer("viewer", asker)
    everything, one = await asked_for(filled, mine), await asked_for(filled, mine, account="banco")
    # The control: while nothing is hidden, everybody of the company gets it.
    assert await download(filled, everything, caller=other)
    await filled.set_access("caja", ["admin"])
    error = await refusal(download(filled, everything, caller=other))
    assert (type(error), error.reason) == (PermissionDenied, "ACCOUNT_FORBIDDEN")
    assert await download(filled, one, caller=other)
    for caller in (mine, filled.bearer("admin")):
        assert b"caja" in await download(filled, everything, caller=caller)
    program = filled.program("viewer", asker)
    assert isinstance(await refusal(download(filled, everything, caller=program)), PermissionDenied)
    stranger = new_tenant()
    error = await refusal(download(stranger, everything, caller=stranger.bearer("admin")))
    assert (type(error), error.reason) == (NotFound, "JOB_NOT_FOUND")


async def test_who_may_see_all_that_is_in_a_file_gets_it_whatever_else_is_hidden(filled: Tenant) -> None:
    await filled.set_access("caja", ["admin"])
    viewers = await asked_for(filled, filled.bearer("viewer"))
    assert b"banco" in await download(filled, viewers, caller=filled.bearer("viewer"))


async def test_rows_of_an_account_that_is_gone_are_for_who_asked_alone(filled: Tenant) -> None:
    mine = filled.bearer("admin")
    everything = await asked_for(filled, mine)
    listed = await filled.accounts.ListSocialAccounts(
        accounts_pb2.ListSocialAccountsRequest(), metadata=filled.bearer("admin")
    )
    request = accounts_pb2.DeleteSocialAccountRequest(id=listed.social_accounts[0].id)
    await filled.accounts.DeleteSocialAccount(request, metadata=filled.bearer("admin"))
    assert isinstance(await refusal(download(filled, everything, caller=filled.bearer("admin"))), PermissionDenied)
    assert await download(filled, everything, caller=mine)


async def test_hidden_accounts_are_in_no_file_of_who_may_not_see_them(filled: Tenant) -> None:
    await filled.set_access("caja", ["admin"])
    viewer, admin = filled.bearer("viewer"), filled.bearer("admin")
    seen = await download(filled, await asked_for(filled, viewer), caller=viewer)
    assert (b"banco" in seen, b"caja" in seen) == (True, False)
    # The control: for an admin it is there.
    assert b"caja" in await download(filled, await asked_for(filled, admin), caller=admin)
    error = await refusal(create_export(filled, viewer, kind="posts", format="csv", account="caja"))
    assert (type(error), error.reason) == (PermissionDenied, "ACCOUNT_FORBIDDEN")


async def test_an_import_is_no_export(filled: Tenant) -> None:
    job_id = await filled.upload(POSTS, kind="posts", account="banco")
    await filled.ended(job_id)
    assert (await refusal(download(filled, job_id))).reason == "JOB_NOT_FOUND"
    assert (await refusal(download(filled, f"ingest/{uuid4()}"))).reason == "JOB_NOT_FOUND"


async def test_a_file_is_there_when_the_job_has_ended_well(filled: Tenant) -> None:
    await filled.run("fecha,texto\n2024-01-05," + "x" * 32_768 + "\n", kind="posts", account="banco")
    failed = await export(filled, kind="posts", format="xlsx")
    error = await refusal(download(filled, failed.job_id))
    assert (type(error), error.reason) == (Conflict, "EXPORT_NOT_FINISHED")


async def test_a_file_goes_when_its_time_is_over(filled: Tenant) -> None:
    job_id = await asked_for(filled)
    file = filled.lake / "exports" / f"{job_id.rpartition('/')[2]}.csv"
    expiry = ExportExpiry(filled.suite.database, ExportStore(), lambda tenant_id: LocalLake(filled.lake))
    await expiry.remove_expired(filled.tenant_id)
    assert file.exists()
    waiting = filled.query(
        "SELECT scheduled_at - now() > interval '23 hours' AS later FROM procrastinate_jobs "
        "WHERE task_name = 'expire_exports' AND args->>'tenant_id' = {tenant}::text"
    )
    assert waiting == [{"later": True}]

    with postgres.server().connect(filled.suite.service_database.name) as connection:
        connection.execute("UPDATE exports SET expires_at = now() WHERE tenant_id = %s", [filled.tenant_id])
    error = await refusal(download(filled, job_id))
    assert (type(error), error.reason) == (NotFound, "EXPORT_EXPIRED")
    await expiry.remove_expired(filled.tenant_id)
    assert not file.exists()
    assert filled.query("SELECT removed FROM exports WHERE tenant_id = {tenant}") == [{"removed": True}]
    assert (await refusal(download(filled, job_id))).reason == "EXPORT_EXPIRED"


async def test_downloads_and_exports_are_in_the_trail(filled: Tenant) -> None:
    job_id = await asked_for(filled)
    # Delivery has no auth to go to here, so what was told still waits.
    await download(filled, job_id, "bytes=0-1", caller=filled.bearer("viewer", UUID(int=7)))
    waiting = filled.query(
        "SELECT args->'event' AS event FROM procrastinate_jobs WHERE task_name = 'deliver_audit' "
        "AND args->>'tenant_id' = {tenant}::text AND args->'event'->>'action' LIKE '%export'"
    )
    events = {row["event"]["action"]: row["event"] for row in waiting}
    assert set(events) == {"ingest.export", "ingest.download_export"}
    told = events["ingest.download_export"]
    assert (told["actor"], told["resource"]) == (str(UUID(int=7)), f"jobs/{job_id}")
    assert told["details"]["bytes"].startswith("0-2/")


HEADERS = [
    ("bytes=0-4", "", (0, 5, True)),
    ("bytes = 3-", "", (3, 10, True)),
    ("BYTES=-3", "", (7, 10, True)),
    ("bytes=-99", "", (0, 10, True)),
    ("bytes=5-99", "", (5, 10, True)),
    ("bytes=0-4", '"same"', (0, 5, True)),
    ("bytes=0-4", '"other"', (0, 10, False)),
    ("bytes=0-4", 'W/"same"', (0, 10, False)),
    ("bytes=0-4", "Wed, 21 Oct 2015 07:28:00 GMT", (0, 10, False)),
    ("bytes=0-1,3-4", "", (0, 10, False)),
    ("lines=0-1", "", (0, 10, False)),
    ("bytes=4-1", "", (0, 10, False)),
    ("bytes=-", "", (0, 10, False)),
    ("bytes=\u0661-", "", (0, 10, False)),
    ("", "", (0, 10, False)),
]


@pytest.mark.parametrize(("header", "if_range", "wanted"), HEADERS)
def test_a_header_that_is_no_one_range_is_passed_over(
    header: str, if_range: str, wanted: tuple[int, int, bool]
) -> None:
    found = wanted_range(AskedRange(header=header, if_range=if_range), 10, '"same"')
    assert (found.start, found.end, found.is_part) == wanted


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_gives_what_slicing_gives(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    asked = AskedRange(header=f"bytes={first}-{last}")
    if first >= size and first <= last:
        with pytest.raises(RangeNotSatisfiable):
            wanted_range(asked, size, "")
        return
    found = wanted_range(asked, size, "")
    expected = data[first : last + 1] if first <= last else data
    assert data[found.start : found.end] == expected


NASTY_NAMES = [
    'a"; filename="evil.exe',
    "x\r\nSet-Cookie: a=b",
    "../../etc/passwd",
    "日本語 ünï",
    "a%0d%0ab",
    "CON;*'",
    "",
    "é" * 300,
]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_a_file_name_injects_nothing(name: str) -> None:
    header = content_disposition(ExportRequest("posts", "csv", account=name), datetime(2024, 1, 5, tzinfo=UTC))
    assert header.isascii()
    assert header.isprintable()
    plain, _, rest = header.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert plain.startswith("posts-")
    assert plain.endswith("2024-01-05.csv")
    assert not set(plain) & set("\"\\/;%'")
    assert not set(rest) & set("\"\\/;' ")


async def test_the_account_is_not_told_to_who_may_not_see_it(filled: Tenant) -> None:
    """Jobs are shown to the whole company."""
    await filled.set_access("caja", ["admin"])
    job_id = await asked_for(filled, filled.bearer("admin"), account="caja")
    assert "caja" not in str(await filled.ended(job_id))
