"""DuckDB in the process: shut into its folder, bounded in memory and time, and fair between tenants."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import duckdb
import pytest
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.query_engine import Query, QueryFailed, Source
from service_runtime.errors import DeadlineExceeded, ServiceError

# What a query might try; all but those that need a network or have a sandbox to open work without the sandbox.
ESCAPES = (
    "SELECT * FROM read_csv('{outside}/secret.csv')",
    "SELECT * FROM read_text('{folder}/../secret.csv')",
    "SELECT * FROM read_text('{folder}/x/../../secret.csv')",
    "SELECT * FROM read_blob('{outside}/*')",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM '{outside}/secret.csv'",
    "COPY (SELECT 1) TO '{outside}/out.parquet'",
    "COPY (SELECT 1) TO '{folder}/../out.csv'",
    "COPY mine FROM '{outside}/secret.csv'",
    "EXPORT DATABASE '{outside}/all'",
    "ATTACH '{outside}/other.db' AS other",
    "ATTACH '{folder}/../other.db' AS other",
    "SET temp_directory = '{outside}/spill'",
    "SET allowed_directories = ['/']",
    "RESET allowed_directories",
    "SET memory_limit = '1TB'",
    "PRAGMA enable_profiling",
)
ELSEWHERE = (
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "INSTALL httpfs",
    "LOAD httpfs",
    "INSTALL spatial FROM community",
    "SELECT * FROM read_parquet('s3://bucket/a/../b/file.parquet')",
    "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
)


@pytest.mark.parametrize("sql", [*ESCAPES, *ELSEWHERE])
async def test_the_engine_reaches_nothing_outside_its_folder(tmp_path: Path, sql: str) -> None:
    engine, outside = small_engine(tmp_path / "cache"), tmp_path / "outside"
    text = sql.format(folder=tmp_path / "cache", outside=outside_of(tmp_path))
    with pytest.raises(QueryFailed):
        await engine.rows(Query("t", text))
    assert names_in(outside) == ["secret.csv"]
    assert names_in(tmp_path) == ["cache", "outside", "secret.csv"]
    await engine.close()


@pytest.mark.parametrize("sql", ESCAPES)
def test_without_the_sandbox_each_of_these_would_do_it(tmp_path: Path, sql: str) -> None:
    (tmp_path / "cache" / "x").mkdir(parents=True)
    open_to_all = duckdb.connect(config={"temp_directory": str(tmp_path / "spill")})
    open_to_all.execute("CREATE TABLE mine (id VARCHAR, word VARCHAR)")
    open_to_all.execute(sql.format(folder=tmp_path / "cache", outside=outside_of(tmp_path)))
    open_to_all.close()


def small_engine(folder: Path) -> DuckDbEngine:
    folder.mkdir()
    return DuckDbEngine(folder, memory_limit="200MB", threads=1, concurrency=2, timeout=60)


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def outside_of(folder: Path) -> Path:
    outside = folder / "outside"
    outside.mkdir()
    for place in (outside, folder):
        (place / "secret.csv").write_text("id,word\n1,secret\n")
    return outside


async def test_the_engine_reads_and_writes_in_its_folder(tmp_path: Path) -> None:
    engine, target = small_engine(tmp_path / "cache"), tmp_path / "cache" / "it's.parquet"
    told = await engine.write(Query("t", "SELECT unnest([1, 3, 2]) AS one, false AS no, NULL AS nothing"), target)
    assert told == {"one": "3", "no": "0"}
    assert await engine.rows(Query("t", "SELECT one FROM t LIMIT 1", {"t": Source([target])})) == [{"one": 1}]
    await engine.close()


async def test_a_query_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    engine = DuckDbEngine(tmp_path, memory_limit="200MB", threads=1, concurrency=1, timeout=0.2)
    with pytest.raises(DeadlineExceeded) as caught:
        await engine.rows(Query("t", "SELECT count(*) FROM range(100000000) a, range(100000000) b"))
    assert caught.value.reason == "QUERY_TIMEOUT"
    # The thread is free again.
    assert await engine.rows(Query("t", "SELECT 1 AS one")) == [{"one": 1}]
    await engine.close()


async def test_a_query_that_hears_no_interruption_keeps_its_turn_but_not_its_caller(tmp_path: Path) -> None:
    engine = DuckDbEngine(tmp_path, memory_limit="200MB", threads=1, concurrency=2, timeout=60)
    pipes = [tmp_path / "slow", tmp_path / "gone"]
    for pipe in pipes:
        # Whoever opens it to read waits for somebody who writes.
        os.mkfifo(pipe)
    slow, gone = (
        asyncio.create_task(engine.rows(Query(pipe.name, f"FROM read_text('{pipe}')", seconds=seconds)))
        for pipe, seconds in zip(pipes, (0.5, 600.0), strict=True)
    )
    try:
        await asyncio.wait([slow], timeout=60)
        gone.cancel()
        await asyncio.wait([gone], timeout=60)
        assert (slow.done(), gone.cancelled()) == (True, True)
        assert isinstance(told := slow.exception(), DeadlineExceeded)
        assert told.reason == "QUERY_TIMEOUT"
        later = asyncio.create_task(engine.rows(Query("later", "SELECT 1 AS one")))
        await asyncio.wait([later], timeout=0.2)
        assert not later.done()
    finally:
        for pipe in pipes:
            os.close(os.open(pipe, os.O_RDWR))
    assert await later == [{"one": 1}]
    await engine.close()


@pytest.mark.slow
async def test_writes_that_fail_in_the_middle_end(tmp_path: Path) -> None:
    # DuckDB 2.0.0 waited for ever for the blocks of the file that it had given up.
    file = tmp_path / "rows.csv"
    engine = DuckDbEngine(tmp_path, memory_limit="400MB", threads=2, concurrency=4, timeout=120)
    file.write_bytes(b"".join(b"%012d,POL-%08d,1234.56\n" % (row, row) for row in range(250_000)) + b"a,b,c,d\n")
    sql = (
        f"SELECT a, b, c::DOUBLE AS c FROM read_csv('{file}', auto_detect = false, header = false,"  # noqa: S608
        " strict_mode = true, columns = {'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'VARCHAR'})"
    )

    async def fail(number: int) -> None:
        with pytest.raises(QueryFailed):
            await engine.write(Query(f"owner-{number}", sql), tmp_path / f"{number}.parquet")

    tasks = [asyncio.create_task(fail(number)) for number in range(40)]
    done, pending = await asyncio.wait(tasks, timeout=300)
    assert not pending
    for task in done:
        task.result()
    await engine.close()


async def test_a_query_that_needs_too_much_memory_says_so(tmp_path: Path) -> None:
    engine = DuckDbEngine(tmp_path, memory_limit="20MB", threads=1, concurrency=1, timeout=60)
    with pytest.raises(ServiceError) as caught:
        await engine.rows(Query("t", "SELECT list(i) FROM range(10000000) t(i)"))
    assert caught.value.reason == "QUERY_TOO_LARGE"
    await engine.close()


async def test_one_tenant_leaves_a_thread_to_the_others(tmp_path: Path) -> None:
    engine = DuckDbEngine(tmp_path, memory_limit="200MB", threads=1, concurrency=2, timeout=120)
    heavy = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
    greedy = [asyncio.create_task(engine.rows(Query("greedy", heavy))) for _ in range(4)]
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        assert await engine.rows(Query("modest", "SELECT 1 AS one")) == [{"one": 1}]
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    await engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a priority of its own")
async def test_queries_step_back_behind_who_answers_from_what_is_kept(tmp_path: Path) -> None:
    before = set(threads_of_this_process())
    engine = DuckDbEngine(tmp_path, memory_limit="200MB", threads=3, concurrency=2, timeout=60)
    await asyncio.gather(*(engine.rows(Query(owner, "SELECT sum(i) FROM range(3000000) t(i)")) for owner in "ab"))
    niceness = [os.getpriority(os.PRIO_PROCESS, thread) for thread in set(threads_of_this_process()) - before]
    # Two of the pool and two of DuckDB's own beside it.
    assert len(niceness) >= 4
    assert min(niceness) > os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    await engine.close()


def threads_of_this_process() -> list[int]:
    return [int(place.name) for place in Path("/proc/self/task").iterdir()]
