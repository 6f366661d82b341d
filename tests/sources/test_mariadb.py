# ruff: noqa: S608
"""MariaDB as a source: what comes is what is there, in one snapshot, whatever dies on the way."""

import asyncio
import csv
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.sources.address import parse_url
from ingest_service.sources.mysql_store import connect
from ingest_service.sources.pace import Pace
from service_runtime.errors import ServiceError, Unavailable
from support.source_databases import MariaDbSource, new_mariadb_source
from support.sources_running import SourceTenant, serving_sources, working
from support.tokens import TestIssuer
from support.workers import worker_process

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED
USERS = (
    "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50), changed DATETIME(3))",
    "INSERT INTO users SELECT seq, CONCAT('user ', seq), '2026-01-01' + INTERVAL seq DAY FROM seq_1_to_5",
)


@pytest.fixture
def source(servers: Any) -> MariaDbSource:
    made = new_mariadb_source(servers.need("mysql"))
    made.run(*USERS)
    return made


async def test_every_value_comes_as_it_is(tenant: SourceTenant, source: MariaDbSource) -> None:
    source.run(
        "SET sql_mode = ''",
        "CREATE TABLE `Raras` (id BIGINT UNSIGNED PRIMARY KEY, price DECIMAL(12,3), big DECIMAL(65,30), day DATE, "
        'at DATETIME(6), zoned TIMESTAMP NULL, `a "b", `` %s c` TEXT, note TEXT, doc JSON, data BLOB, bits BIT(9), '
        "small FLOAT, half DOUBLE, tiny TINYINT(1), clock TIME, year YEAR, kind ENUM('a,b', 'c'))",
        "SET time_zone = '-05:00'",
        "INSERT INTO `Raras` VALUES (18446744073709551615, 0.100, 1.5, '2026-02-03', '2026-02-03 04:05:06.000001', "
        "'2026-02-03 04:05:06', 'línea 1\\nlínea \"2\", \\\\ fin 😀', '', '{\"a\": [1, null]}', x'00ff2c22', "
        "b'100000001', 0.1, 0.1, 1, '-100:00:01', 2026, 'a,b')",
        "INSERT INTO `Raras` (id, zoned, day) VALUES (2, NULL, '0000-00-00')",
    )
    await tenant.create(source.url, ["Raras"])

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    second, first = tenant.rows("mysql/Raras")
    assert first == {
        "id": "18446744073709551615",
        "price": "0.100",
        "big": "1.500000000000000000000000000000",
        "day": "2026-02-03",
        "at": "2026-02-03 04:05:06.000001",
        "zoned": "2026-02-03 09:05:06+00",
        'a "b", ` %s c': 'línea 1\nlínea "2", \\ fin 😀',
        "note": "",
        "doc": '{"a": [1, null]}',
        "data": "00ff2c22",
        "bits": "257",
        "small": "0.10000000149011612",
        "half": "0.1",
        "tiny": "1",
        "clock": "-100:00:01",
        "year": "2026",
        "kind": "a,b",
    }
    assert {key: value for key, value in second.items() if value} == {"id": "2", "day": "0000-00-00"}
    text = (tenant.lake / "mysql/Raras/Raras.csv").read_text()
    assert ',"","{""a"": [1, null]}",' in text and text.count('""') < 20


async def test_parquet_keeps_types_and_what_is_no_date_becomes_text(
    tenant: SourceTenant, source: MariaDbSource
) -> None:
    source.run(
        "SET sql_mode = ''",
        "CREATE TABLE typed (id INT PRIMARY KEY, price DECIMAL(12,3), zoned TIMESTAMP NULL, data BLOB, day DATE)",
        "INSERT INTO typed VALUES (1, 0.1, '2026-02-03 04:05:06', x'00ff', '2026-01-01'), "
        "(2, NULL, NULL, '', '0000-00-00')",
    )
    await tenant.create(source.url, ["typed"], format="parquet")

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    table = pq.read_table(tenant.lake / "mysql/typed/typed.parquet")
    kinds = [str(field.type) for field in table.schema]
    assert kinds == ["int32", "decimal128(12, 3)", "timestamp[us, tz=UTC]", "binary", "string"]
    assert [row["day"] for row in table.to_pylist()] == ["2026-01-01", "0000-00-00"]
    assert "day has values that are no DATE" in (await tenant.state("typed")).drift


async def test_an_increment_and_a_whole_reading(tenant: SourceTenant, source: MariaDbSource) -> None:
    await tenant.create(source.url, [{"name": "users", "cursor": "changed"}])
    await tenant.copy()
    source.run(
        "INSERT INTO users VALUES (6, 'late', '2026-01-06'), (7, 'new', '2026-03-01'), (8, 'unknown', NULL)",
        "UPDATE users SET name = 'changed', changed = '2026-02-01' WHERE id = 1",
        "DELETE FROM users WHERE id = 2",
    )

    increment = await tenant.copy()
    assert (increment.rows_read, increment.rows_written, increment.rows_unchanged) == (5, 4, 1)
    assert len(tenant.rows("mysql/users")) == 8
    await tenant.copy(full=True)

    state = await tenant.state("users")
    assert (state.rows, state.deleted_rows, state.cursor_value) == (7, 1, "2026-03-01 00:00:00.000")
    assert {row["id"] for row in tenant.rows("mysql/users")} == {"1", "3", "4", "5", "6", "7", "8"}


async def test_bytes_and_short_numbers_are_cursors_too(tenant: SourceTenant, source: MariaDbSource) -> None:
    source.run(
        "CREATE TABLE events (id BINARY(16) PRIMARY KEY, size FLOAT)",
        "INSERT INTO events VALUES (x'0190ff00aabbccddeeff001122334455', 16777296)",
        "CREATE TABLE sizes LIKE events",
        "INSERT INTO sizes SELECT * FROM events",
    )
    await tenant.create(source.url, [{"name": "events", "cursor": "id"}, {"name": "sizes", "cursor": "size"}])
    await tenant.copy()
    source.run(
        "INSERT INTO events VALUES (x'0192ff00aabbccddeeff001122334455', 1)",
        "INSERT INTO events VALUES (x'0001', 1)",
        "INSERT INTO sizes VALUES (x'02', 16777298)",
    )

    job = await tenant.copy()

    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 4, 2)
    assert (await tenant.state("events")).cursor_value == "0x0192FF00AABBCCDDEEFF001122334455"


async def test_a_cursor_with_a_nul_character_is_refused_at_once(tenant: SourceTenant, source: MariaDbSource) -> None:
    source.run("CREATE TABLE odd (id INT PRIMARY KEY, word VARCHAR(9))", "INSERT INTO odd VALUES (1, 'a\\0b')")
    await tenant.create(source.url, [{"name": "odd", "cursor": "word"}])

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "BAD_CURSOR", 1)


async def test_rows_moved_between_tables_while_a_run_reads_are_there_once(
    tenant: SourceTenant, source: MariaDbSource
) -> None:
    source.run(
        "CREATE TABLE here (id INT PRIMARY KEY, pad VARCHAR(300))",
        "CREATE TABLE there LIKE here",
        "INSERT INTO here SELECT seq, REPEAT('x', 200) FROM seq_1_to_40000",
    )
    await tenant.create(source.url, ["here", "there"])
    job_id, moved = await tenant.begin(), 0
    while (await tenant.queue.get(tenant.tenant_id, job_id)).status in ("QUEUED", "RUNNING"):
        await asyncio.to_thread(
            source.both,
            "INSERT INTO there SELECT * FROM here ORDER BY id LIMIT 500",
            "DELETE FROM here ORDER BY id LIMIT 500",
        )
        moved += 1

    ids = [int(row["id"]) for name in ("here", "there") for row in tenant.rows(f"mysql/{name}")]
    assert moved > 1
    assert sorted(ids) == list(range(1, 40001))


@pytest.mark.parametrize(
    "table", ["nothing", "users` WHERE 1=0 UNION SELECT 1; -- ", "users' OR '1'='1", "USERS", "user%"]
)
async def test_a_table_is_found_by_its_exact_name_alone(
    tenant: SourceTenant, source: MariaDbSource, table: str
) -> None:
    await tenant.create(source.url, [table])

    job = await tenant.copy()

    assert (job.status, job.code) == (FAILED, "SOURCE_TABLE_MISSING")


async def test_a_wrong_password_fails_at_once(tenant: SourceTenant, source: MariaDbSource) -> None:
    await tenant.create(source.url.replace(source.password, "wrong"), ["users"])

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_LOGIN_REFUSED", 1)


async def test_a_table_that_is_emptied_while_the_source_is_read_is_tried_again(
    source: MariaDbSource, tmp_path: Path
) -> None:
    address, login = parse_url("mysql", source.url)
    with closing(connect(address, "127.0.0.1", login, Settings())) as connection:
        users = connection.shape("users")
        source.run("TRUNCATE users")

        with pytest.raises(Unavailable, match="SOURCE_TABLE_REWRITTEN"):
            connection.read(users, "", None, tmp_path / "users.csv", Pace(rows_per_second=1000, largest_table=1 << 20))


async def test_a_connection_can_read_and_nothing_else(source: MariaDbSource) -> None:
    source.run(f"GRANT ALL ON {source.name}.* TO {source.name}@'127.0.0.1'")
    address, login = parse_url("mysql", source.url)
    connection = connect(address, "127.0.0.1", login, Settings())
    driver = connection._connection
    with driver.cursor() as cursor:
        for statement in ("INSERT INTO users VALUES (99, 'x', NULL)", "CREATE TABLE t (id INT)", "DELETE FROM users"):
            with pytest.raises(Exception, match="READ ONLY"):
                cursor.execute(statement)
        with pytest.raises(Exception, match=r"denied|LOCAL|not allowed"):
            cursor.execute("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE users")
    connection.close()

    # TLS that is asked for is had, or nothing is said.
    strict, login = parse_url("mysql", f"{source.url}?tls=require")
    with pytest.raises(ServiceError, match="SOURCE_UNAVAILABLE"):
        connect(strict, "127.0.0.1", login, Settings())


async def test_a_killed_worker_leaves_the_old_table_or_the_new_one(
    servers: Any, issuer: TestIssuer, source: MariaDbSource, tmp_path: Path, until: Callable[..., Any]
) -> None:
    """F-11: wherever in a run it dies, readers see one whole table, and the job ends once in effect."""
    source.run(
        "CREATE TABLE versions (id INT PRIMARY KEY, version INT, pad VARCHAR(300))",
        "INSERT INTO versions SELECT seq, 0, REPEAT('x', 250) FROM seq_1_to_30000",
    )
    port = servers.need("mysql").port
    async with serving_sources(issuer, tmp_path, f"127.0.0.1:{port}", workers=False) as suite:
        tenant = SourceTenant(suite)
        await tenant.create(source.url, [{"name": "versions"}])
        async with working(suite.settings):
            assert (await tenant.copy()).status == SUCCEEDED
        names = ("database_url", "atalaya_lake", "sources_allowed", "sources_encryption_keys", "ingest_spool_folder")
        environment = {name.upper(): str(getattr(suite.settings, name)) for name in names}
        for version, at in enumerate((0.0, 0.69, 0.95), 1):
            source.run(f"UPDATE versions SET version = {version}")
            async with worker_process("ingest_service", environment, "work") as worker:
                job_id = await tenant.begin()
                await until(tenant, job_id, at)
                worker.kill()
                await worker.wait()
            assert _versions(tenant) in ({str(version - 1)}, {str(version)})
            async with working(suite.settings):
                job = await tenant.ended(job_id)
            assert (job.status, job.rows_read) == (SUCCEEDED, 30000)
            assert _versions(tenant) == {str(version)}


def _versions(tenant: SourceTenant) -> set[str]:
    text = (tenant.lake / "mysql/versions/versions.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 30000
    return {row["version"] for row in rows}


@pytest.fixture
def until() -> Callable[..., Any]:
    async def wait(tenant: SourceTenant, job_id: str, progress: float) -> None:
        for _ in range(1200):
            job = await tenant.queue.get(tenant.tenant_id, job_id)
            if job.ended or (job.status == "RUNNING" and job.progress >= progress):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the run never came to {progress}")

    return wait
