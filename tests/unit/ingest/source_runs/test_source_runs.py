# ruff: noqa: ASYNC110
"""How a run of a source goes: beside another, cancelled, refused, and on one snapshot."""

import asyncio

import pytest
from atalaya.jobs.v1 import job_pb2
from support import postgres as servers
from support.running import refusal
from support.sources_running import PostgresSource, SourceTenant

pytestmark = pytest.mark.slow

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


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
