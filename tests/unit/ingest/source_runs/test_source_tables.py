# ruff: noqa: E501
"""What a whole table of a source brings into the lake, on the embedded PostgreSQL as the source."""

import asyncio
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import sources_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.sources.address import parse_url
from ingest_service.sources.pace import Pace
from ingest_service.sources.postgresql_store import connect
from service_runtime.errors import Unavailable
from support.sources_running import PostgresSource, SourceTenant

pytestmark = pytest.mark.slow

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


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


async def test_a_table_without_columns_fails_the_run(tenant: SourceTenant, source: PostgresSource) -> None:
    source.run("CREATE TABLE bare ()", "INSERT INTO bare DEFAULT VALUES")
    await tenant.create(source.url, ["bare"])

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, "SOURCE_COLUMN_MISSING")


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
