"""What an increment of a source brings, by its cursor and its key."""

import pytest
from atalaya.jobs.v1 import job_pb2
from support.sources_running import PostgresSource, SourceTenant

pytestmark = pytest.mark.slow

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


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
