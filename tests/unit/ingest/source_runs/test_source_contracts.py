"""What becomes of columns that change and of rows that do not fit, by the contract of their table."""

import csv
import io
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.clean_up import CleanUp, Retention
from ingest_service.clean_up_store import CleanUpStore
from service_runtime.lake.local import LocalLake
from support.running import refusal
from support.sources_running import PostgresSource, SourceTenant

pytestmark = pytest.mark.slow

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


async def test_a_key_that_the_contract_leaves_out_fails_the_run(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": "discard_value"}])
    await tenant.copy()
    source.run("ALTER TABLE users DROP CONSTRAINT users_pkey, ADD COLUMN code serial PRIMARY KEY")

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_COLUMN_MISSING", 1)


async def test_columns_evolve_and_the_drift_is_told(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}], format="parquet")
    await tenant.copy()
    source.run(
        "ALTER TABLE users ADD COLUMN city text DEFAULT 'Lima', ALTER COLUMN id TYPE bigint, DROP COLUMN name",
        "INSERT INTO users (id, changed) VALUES (4000000000, '2026-05-01Z')",
    )

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    table = pq.read_table(tenant.lake / "postgresql/users/users.parquet")
    rows = {row["id"]: row for row in table.to_pylist()}
    assert str(table.schema.field("id").type) == "int64"
    assert (rows[1]["name"], rows[1]["city"]) == ("user 1", None)
    assert (rows[4000000000]["name"], rows[4000000000]["city"]) == (None, "Lima")
    drift = (await tenant.state("users")).drift
    assert "name is gone" in drift and "city is new" in drift and "id was INTEGER and is BIGINT" in drift


async def test_frozen_columns_fail_the_run_and_leave_the_lake(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": "freeze"}])
    await tenant.copy()
    source.run("ALTER TABLE users ADD COLUMN city text", "DELETE FROM users")

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, "SOURCE_COLUMNS_CHANGED")
    assert "city is new" in job.error
    assert len(tenant.rows("postgresql/users")) == 5


@pytest.mark.parametrize("contract", ["discard_row", "discard_value"])
async def test_what_does_not_fit_is_left_out_and_listed(
    tenant: SourceTenant, source: PostgresSource, contract: str
) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": contract}])
    await tenant.copy()
    source.run(
        "ALTER TABLE users ALTER COLUMN id TYPE text",
        "UPDATE users SET id = 'tres' WHERE id = '3'",
        "UPDATE users SET id = '4.5' WHERE id = '4'",
    )

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    rows = tenant.rows("postgresql/users")
    by_row = contract == "discard_row"
    assert job.rows_rejected == (2 if by_row else 0)
    assert [row["id"] for row in rows] == (["1", "2", "5"] if by_row else ["1", "2", "5", "", ""])
    left_out = await tenant.left_out(job.job_id)
    assert [(row.column, row.value, row.reason) for row in left_out] == [
        ("users.id", "tres", "is no INTEGER"),
        ("users.id", "4.5", "is no INTEGER"),
    ]


async def test_what_was_left_out_is_a_file_and_comes_with_a_full_run_once_it_is_corrected(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": "discard_row"}])
    await tenant.copy()
    source.run(
        "ALTER TABLE users ALTER COLUMN id TYPE text", "UPDATE users SET id = 'tres', name = '=1+1' WHERE id = '3'"
    )
    job = await tenant.copy()

    request = data_pb2.DownloadRejectedRowsRequest(job_id=job.job_id)
    call = tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer("admin"))
    file = b"".join([part.data async for part in call]).decode()
    header, row = csv.reader(io.StringIO(file))
    assert header == ["line", "column", "value", "reason", "row"]
    assert row[:4] == ["1", "users.id", "tres", "is no INTEGER"]
    assert row[4].startswith("tres,=1+1,")
    assert (await refusal(first_part(tenant, request))).reason == "ADMIN_ONLY"
    replay = data_pb2.ReplayRejectedRowsRequest(job_id=job.job_id)
    error = await refusal(tenant.data.ReplayRejectedRows(replay, metadata=tenant.bearer("admin")))
    assert (error.reason, error.http_status) == ("SOURCE_ROWS_NOT_REPLAYABLE", 409)

    source.run("UPDATE users SET id = '33' WHERE id = 'tres'")
    assert (await tenant.copy(full=True)).rows_rejected == 0
    assert sorted(row["id"] for row in tenant.rows("postgresql/users")) == ["1", "2", "33", "4", "5"]


async def first_part(tenant: SourceTenant, request: data_pb2.DownloadRejectedRowsRequest) -> None:
    async for _ in tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer("user")):
        return


async def test_what_was_left_out_goes_when_its_time_is_over(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": "discard_row"}])
    await tenant.copy()
    source.run("ALTER TABLE users ALTER COLUMN id TYPE text", "UPDATE users SET id = 'tres' WHERE id = '3'")
    job = await tenant.copy()
    lake = LocalLake(tenant.lake)
    retention = Retention(files=timedelta(days=30), rejected_rows=timedelta(days=90))
    for days, left in ((89, 1), (91, 0)):
        moment = datetime.now(UTC) + timedelta(days=days)
        clean_up = CleanUp(tenant.suite.database, CleanUpStore(), lambda _: lake, retention, partial(identity, moment))
        await clean_up.clean(tenant.tenant_id)
        assert len(tenant.query("SELECT FROM source_rejections WHERE tenant_id = {tenant}")) == left
    assert (await refusal(tenant.left_out(job.job_id))).reason == "REJECTED_ROWS_EXPIRED"


def identity(moment: datetime) -> datetime:
    return moment
