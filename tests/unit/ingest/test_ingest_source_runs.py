# ruff: noqa: ASYNC110, E501
"""What a run of a source brings into the lake, on the embedded PostgreSQL as the source."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import data_pb2, sources_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.clean_up import CleanUp, Retention
from ingest_service.clean_up_store import CleanUpStore
from ingest_service.config import Settings
from ingest_service.sources.address import parse_url
from ingest_service.sources.pace import Pace
from ingest_service.sources.postgresql_store import connect
from local_suite.postgres import EmbeddedPostgres
from service_runtime.errors import Unavailable
from service_runtime.lake.local import LocalLake
from support import postgres as servers
from support.running import refusal
from support.sources_running import (
    PostgresSource,
    SourcesSuite,
    SourceTenant,
    door,
    new_postgres_source,
    serving_sources,
)
from support.tokens import TestIssuer

pytestmark = pytest.mark.slow

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


@pytest.fixture(scope="module")
async def port(postgres: EmbeddedPostgres) -> AsyncIterator[int]:
    async with door(servers.server().socket_dir / ".s.PGSQL.5432") as port:
        yield port


@pytest.fixture(scope="module")
async def suite(issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory, port: int) -> AsyncIterator[SourcesSuite]:
    folder = tmp_path_factory.mktemp("sources")
    async with serving_sources(issuer, folder, f"127.0.0.1:{port}") as suite:
        yield suite


@pytest.fixture
def tenant(suite: SourcesSuite) -> SourceTenant:
    return SourceTenant(suite)


@pytest.fixture
def source(port: int) -> PostgresSource:
    made = new_postgres_source(port)
    made.run(
        "CREATE TABLE users (id int PRIMARY KEY, name text, changed timestamptz)",
        "INSERT INTO users SELECT n, 'user ' || n, '2026-01-01Z'::timestamptz + n * interval '1 day' "
        "FROM generate_series(1, 5) n",
    )
    return made


async def test_a_table_lies_where_readers_look_for_it(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, ["users"])

    job = await tenant.copy()

    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 5, 5)
    rows = tenant.rows("postgresql/users")
    assert rows[0] == {"id": "1", "name": "user 1", "changed": "2026-01-02 00:00:00+00"}
    assert len(rows) == 5
    (listed,) = await tenant.listed()
    assert (listed.last_run_status, listed.last_run_rows) == ("SUCCEEDED", 5)
    assert listed.table_states[0].columns == ["id", "name", "changed"]


async def test_every_value_comes_as_it_is(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run(
        'CREATE TABLE "Raras" (id int, price numeric(12,3), big numeric, day date, at timestamp(6), zoned timestamptz, '
        '"a ""b"", c" text, note text, doc jsonb, data bytea, yes boolean, half float8, list int[])',
        "INSERT INTO \"Raras\" VALUES (1, 0.100, 1e40, '2026-02-03', '2026-02-03 04:05:06.000001', "
        "'2026-02-03 04:05:06-05', E'línea 1\\nlínea \"2\", fin', '', '{\"a\": [1, null]}', '\\x00ff', true, 0.1, '{1,2}'), "
        "(2, null, null, null, null, null, null, null, null, null, null, null, null)",
    )
    await tenant.create(source.url, ["Raras"])

    await tenant.copy()

    first, second = tenant.rows("postgresql/Raras")
    assert first == {
        "id": "1",
        "price": "0.100",
        "big": "1" + "0" * 40,
        "day": "2026-02-03",
        "at": "2026-02-03 04:05:06.000001",
        "zoned": "2026-02-03 09:05:06+00",
        'a "b", c': 'línea 1\nlínea "2", fin',
        "note": "",
        "doc": '{"a": [1, null]}',
        "data": "00ff",
        "yes": "true",
        "half": "0.1",
        "list": "{1,2}",
    }
    assert set(second.values()) == {"2", ""}
    # An empty text is quoted, a missing one is nothing.
    text = (tenant.lake / "postgresql/Raras/Raras.csv").read_text()
    assert ',"",' in text and text.endswith("\n2,,,,,,,,,,,,\n")


async def test_parquet_keeps_the_types(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run(
        "CREATE TABLE typed (id bigint, price numeric(12,3), day date, zoned timestamptz, data bytea, note text)",
        "INSERT INTO typed VALUES (1, 0.1, '2026-02-03', '2026-02-03 04:05:06-05', '\\x00ff', '')",
        "INSERT INTO typed (id) VALUES (2)",
    )
    await tenant.create(source.url, ["typed"], format="parquet")

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    table = pq.read_table(tenant.lake / "postgresql/typed/typed.parquet")
    kinds = [str(field.type) for field in table.schema]
    assert kinds == ["int64", "decimal128(12, 3)", "date32[day]", "timestamp[us, tz=UTC]", "binary", "string"]
    rows = table.to_pylist()
    assert (rows[0]["data"], rows[0]["note"], rows[1]["note"]) == (b"\x00\xff", "", None)
    assert rows[0]["zoned"].isoformat() == "2026-02-03T09:05:06+00:00"


async def test_an_increment_takes_what_changed_and_loses_no_equal_value(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])
    await tenant.copy()
    # One is late with the same moment as the last, one is new, one has changed, one has no moment.
    source.run(
        "INSERT INTO users VALUES (6, 'late', '2026-01-06Z'), (7, 'new', '2026-03-01Z'), (8, 'unknown', NULL)",
        "UPDATE users SET name = 'changed', changed = '2026-02-01Z' WHERE id = 1",
    )

    job = await tenant.copy()

    assert (job.rows_read, job.rows_written, job.rows_unchanged) == (5, 4, 1)
    names = {row["id"]: row["name"] for row in tenant.rows("postgresql/users")}
    assert names == {
        "1": "changed", "2": "user 2", "3": "user 3", "4": "user 4", "5": "user 5", "6": "late", "7": "new",
        "8": "unknown",
    }  # fmt: skip
    state = await tenant.state("users")
    assert (state.rows, state.cursor_value) == (8, "2026-03-01 00:00:00+00")


async def test_columns_that_a_keys_index_carries_are_no_part_of_the_key(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    source.run(
        "CREATE TABLE carried (id int, name text, version int, PRIMARY KEY (id) INCLUDE (name))",
        "INSERT INTO carried VALUES (1, 'before', 1)",
    )
    await tenant.create(source.url, [{"name": "carried", "cursor": "version"}])
    await tenant.copy()
    source.run("UPDATE carried SET name = 'after', version = 2")

    await tenant.copy()

    assert tenant.rows("postgresql/carried") == [{"id": "1", "name": "after", "version": "2"}]


async def test_the_key_of_a_table_that_others_inherit_is_not_taken_for_theirs(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    source.run("CREATE TABLE heirs () INHERITS (users)", "INSERT INTO heirs VALUES (1, 'another', '2026-03-01Z')")
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, "SOURCE_KEY_UNKNOWN")


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
async def test_columns_may_have_any_name_in_increments_too(
    tenant: SourceTenant, source: PostgresSource, file_format: str
) -> None:
    source.run(
        "CREATE TABLE words (id int PRIMARY KEY, n int, now text, kept text, before text, old text, c0 text, p1 text)",
        "INSERT INTO words SELECT i, i, 'a', 'b', 'c', 'd', 'e', 'f' FROM generate_series(1, 3) i",
    )
    await tenant.create(source.url, [{"name": "words", "cursor": "n"}], format=file_format)
    await tenant.copy()
    source.run("UPDATE words SET n = 9, now = 'z' WHERE id = 1")

    job = await tenant.copy()

    assert (job.status, job.rows_written, job.rows_unchanged) == (SUCCEEDED, 1, 1)
    assert (await tenant.state("words")).rows == 3
    if file_format == "csv":
        rows = {row["id"]: row for row in tenant.rows("postgresql/words")}
        assert rows["1"] == {
            "id": "1", "n": "9", "now": "z", "kept": "b", "before": "c", "old": "d", "c0": "e", "p1": "f",
        }  # fmt: skip


async def test_a_column_that_is_spelled_in_other_case_stays_one(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])
    await tenant.copy()
    source.run('ALTER TABLE users RENAME name TO "Name"', "INSERT INTO users VALUES (6, 'six', '2026-02-01Z')")

    await tenant.copy()

    rows = {row["id"]: row for row in tenant.rows("postgresql/users")}
    assert list(rows["1"]) == ["id", "Name", "changed"]
    assert (rows["1"]["Name"], rows["6"]["Name"]) == ("user 1", "six")
    assert "name is spelled Name now" in (await tenant.state("users")).drift


async def test_a_uuid_is_a_cursor(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run(
        "CREATE TABLE visits (id uuid PRIMARY KEY)",
        "INSERT INTO visits VALUES ('0190ff00-aabb-7cdd-8eff-001122334455')",
    )
    await tenant.create(source.url, [{"name": "visits", "cursor": "id"}])
    await tenant.copy()
    source.run("INSERT INTO visits VALUES ('0192ff00-aabb-7cdd-8eff-001122334455')")

    job = await tenant.copy()

    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 2, 1)
    assert (await tenant.state("visits")).cursor_value == "0192ff00-aabb-7cdd-8eff-001122334455"


async def test_a_cursor_of_another_type_is_begun_with_again(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run("CREATE TABLE steps (id int PRIMARY KEY, at int)", "INSERT INTO steps VALUES (1, 1), (2, 2)")
    await tenant.create(source.url, [{"name": "steps", "cursor": "at"}])
    await tenant.copy()
    source.run("ALTER TABLE steps ALTER at TYPE date USING '2026-01-01'::date + at")

    whole, increment = await tenant.copy(), await tenant.copy()

    assert (whole.status, whole.rows_read, increment.rows_read) == (SUCCEEDED, 2, 1)
    assert (await tenant.state("steps")).cursor_value == "2026-01-03"


async def test_a_table_without_columns_fails_the_run(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run("CREATE TABLE bare ()", "INSERT INTO bare DEFAULT VALUES")
    await tenant.create(source.url, ["bare"])

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, "SOURCE_COLUMN_MISSING")


async def test_a_key_that_the_contract_leaves_out_fails_the_run(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "contract": "discard_value"}])
    await tenant.copy()
    source.run("ALTER TABLE users DROP CONSTRAINT users_pkey, ADD COLUMN code serial PRIMARY KEY")

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_COLUMN_MISSING", 1)


async def test_a_whole_reading_sees_what_was_deleted(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])
    await tenant.copy()
    source.run("DELETE FROM users WHERE id < 3")

    increment = await tenant.copy()
    assert len(tenant.rows("postgresql/users")) == 5
    await tenant.copy(full=True)

    assert increment.rows_read == 1
    state = await tenant.state("users")
    assert (state.rows, state.deleted_rows) == (3, 2)
    assert sorted(row["id"] for row in tenant.rows("postgresql/users")) == ["3", "4", "5"]


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


async def test_the_same_table_in_another_format_is_there_once(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, ["users"])
    await tenant.copy()
    await tenant.change(format="parquet")
    await tenant.copy()

    assert [file.name for file in (tenant.lake / "postgresql/users").iterdir()] == ["users.parquet"]


async def test_a_table_that_is_emptied_and_filled_while_the_source_is_read_is_not_taken_for_empty(
    source: PostgresSource, tmp_path: Path
) -> None:
    source.run("CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders VALUES (1)")
    address, login = parse_url("postgresql", source.url)

    def read() -> None:
        with closing(connect(address, "127.0.0.1", login, Settings())) as connection:
            orders = connection.shape("orders")
            source.run("BEGIN", "TRUNCATE orders", "INSERT INTO orders VALUES (1), (2)", "COMMIT")
            pace = Pace(rows_per_second=1_000_000, largest_table=1 << 20)
            connection.read(orders, "", None, tmp_path / "orders.csv", pace)

    with pytest.raises(Unavailable, match="SOURCE_TABLE_REWRITTEN"):
        await asyncio.to_thread(read)


async def test_a_source_that_is_added_again_leaves_no_second_file(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, ["users"])
    await tenant.copy()
    request = sources_pb2.DeleteSourceRequest(name="shop")
    await tenant.sources.DeleteSource(request, metadata=tenant.bearer("admin"))
    await tenant.create(source.url, ["users"], format="parquet")

    await tenant.copy()

    assert [file.name for file in (tenant.lake / "postgresql/users").iterdir()] == ["users.parquet"]


async def test_rows_of_nine_million_letters_come_again_and_again_where_that_is_promised(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    source.run("CREATE TABLE long (id int PRIMARY KEY, note text)", "INSERT INTO long VALUES (1, repeat('x', 9000000))")
    await tenant.create(source.url, ["long"])
    await tenant.copy()

    job = await tenant.copy()

    assert (job.status, job.rows_written) == (SUCCEEDED, 1)
    assert "too large for counting" in (await tenant.state("long")).drift
    await tenant.change(format="parquet")
    job = await tenant.copy()
    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_ROW_TOO_LARGE", 1)


async def test_a_table_of_long_texts_becomes_parquet(tenant: SourceTenant, source: PostgresSource) -> None:
    """Of 180 MB, in the memory that DuckDB gets."""
    source.run(
        "CREATE TABLE letters (id int PRIMARY KEY, note text)",
        "INSERT INTO letters SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 20000) n",
    )
    await tenant.create(source.url, ["letters"], format="parquet")

    job = await tenant.copy()

    assert (job.status, job.rows_written) == (SUCCEEDED, 20000)


async def test_a_file_that_somebody_else_wrote_is_made_anew(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])
    await tenant.copy()
    (tenant.lake / "postgresql/users/users.csv").write_text("id\n99\n")

    job = await tenant.copy()

    assert job.rows_read == 5
    assert len(tenant.rows("postgresql/users")) == 5


async def test_two_runs_at_once_are_one(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run("CREATE VIEW slow AS SELECT id, pg_sleep(0.3)::text AS waited FROM users")
    await tenant.create(source.url, ["slow"])

    answers = await asyncio.gather(*(tenant.begin() for _ in range(5)), return_exceptions=True)

    begun = [answer for answer in answers if isinstance(answer, str)]
    assert len(begun) == 1
    assert (await refusal(tenant.begin())).reason == "SOURCE_RUNS"
    assert (await tenant.ended(begun[0])).status == SUCCEEDED


async def test_a_run_is_cancelled_at_the_source_too(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run("CREATE VIEW endless AS SELECT n, pg_sleep(0.2)::text AS waited FROM generate_series(1, 1000) n")
    await tenant.create(source.url, ["endless"])
    job_id = await tenant.begin()
    while (await tenant.queue.get(tenant.tenant_id, job_id)).status == "QUEUED":
        await asyncio.sleep(0.05)

    await tenant.queue.cancel(tenant.tenant_id, job_id)

    assert (await tenant.ended(job_id)).status == job_pb2.JobStatus.CANCELLED
    with servers.server().connect(source.database) as connection:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'"
        for _ in range(100):
            if connection.execute(busy, (source.user,)).fetchone() == (0,):
                break
            await asyncio.sleep(0.05)
        assert connection.execute(busy, (source.user,)).fetchone() == (0,)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("nothing", "SOURCE_TABLE_MISSING"),
        ('users"; DROP TABLE users; --', "SOURCE_TABLE_MISSING"),
        ("users' OR '1'='1", "SOURCE_TABLE_MISSING"),
        ("secret", "SOURCE_ACCESS_DENIED"),
    ],
)
async def test_what_cannot_be_read_stands_in_the_job(
    tenant: SourceTenant, source: PostgresSource, table: str, code: str
) -> None:
    source.run("CREATE TABLE secret (id int)", f"REVOKE ALL ON secret FROM {source.user}")
    await tenant.create(source.url, [table])

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, code)


async def test_a_wrong_password_fails_at_once_and_is_not_told(tenant: SourceTenant, source: PostgresSource) -> None:
    await tenant.create(source.url.replace(source.password, "wrong-password"), ["users"])

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_LOGIN_REFUSED", 1)
    assert "wrong-password" not in str(job)


async def test_rows_moved_between_tables_while_a_run_reads_are_there_once(
    tenant: SourceTenant, source: PostgresSource
) -> None:
    source.run(
        "CREATE TABLE here (id int PRIMARY KEY, pad text)",
        "CREATE TABLE there (id int PRIMARY KEY, pad text)",
        "INSERT INTO here SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n",
    )
    await tenant.create(source.url, ["here", "there"])
    job_id, moved = await tenant.begin(), 0
    while (await tenant.queue.get(tenant.tenant_id, job_id)).status in ("QUEUED", "RUNNING"):
        await asyncio.to_thread(
            source.run,
            "WITH gone AS (DELETE FROM here WHERE id IN (SELECT id FROM here LIMIT 500) RETURNING *) "
            "INSERT INTO there SELECT * FROM gone",
        )
        moved += 1

    ids = [int(row["id"]) for name in ("here", "there") for row in tenant.rows(f"postgresql/{name}")]
    assert moved > 1
    assert sorted(ids) == list(range(1, 20001))
