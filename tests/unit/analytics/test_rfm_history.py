"""Moves between segments: complete and the same whoever builds, bounded, and there as soon as the table is."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from analytics_service import rfm_move_store
from analytics_service.rfm_publishing import RfmPublishing
from analytics_service.rfm_scoring import Scores
from analytics_service.rfm_table_store import MOST_WAITING, RfmTableStore
from analytics_service.worker import rfm_clock
from service_runtime.database import Database
from service_runtime.jobs import JobQueue
from support import rfm_reference
from support.analytics_running import NOW, RunningAnalytics
from support.postgres import ServiceDatabase, server
from support.rfm_running import (
    TRANSACTIONS,
    customer,
    ended,
    history,
    jobs,
    purchases,
    replica,
    segments,
    until,
    working,
)
from support.running import refusal

Clock = dict[str, datetime]


def versions(seed: int) -> list[str]:
    """Three files: most buy again, the last come only later, of the first some are gone at the end, some came back."""
    chance = random.Random(seed)  # noqa: S311
    people = [f"c{number}" for number in range(60)]
    begin = datetime(2024, 1, 1)  # noqa: DTZ001
    rows: list[tuple[object, str, float]] = []
    files = []
    for number in range(3):
        for who in chance.sample(people[: 40 + 10 * number], 30):
            for _ in range(chance.randint(1, 4)):
                day = begin + timedelta(days=60 * number + chance.randint(0, 59))
                rows.append((who, day.date().isoformat(), round(chance.uniform(1, 400), 2)))
        gone = people[:8] if number == 1 else people[:4] if number == 2 else []
        files.append(purchases(row for row in rows if row[0] not in gone))
    return files


def scored(file: str) -> pd.DataFrame:
    raw = pd.read_csv(StringIO(file), dtype=str)
    return rfm_reference.customers(raw, NOW, key="id_cuenta", when="fecha", amount="monto")


async def holds(analytics: RunningAnalytics, expected: list[pd.DataFrame]) -> None:
    for id_cuenta, moves in rfm_reference.histories(expected).items():
        assert await history(analytics, id_cuenta) == moves, id_cuenta


async def test_moves_over_three_versions_are_those_of_the_reference(analytics: RunningAnalytics, clock: Clock) -> None:
    files = versions(1)
    tables = [scored(file) for file in files]
    everybody = rfm_reference.histories(tables)
    # The data show what the test is about: who moves, who appears, who vanishes and who comes back.
    shapes = {tuple(segment is None for _, segment, _ in moves) for moves in everybody.values()}
    assert {(False,), (False, False), (True, False), (False, True, False)} <= shapes
    async with working(analytics, lambda: clock["now"]):
        for number, file in enumerate(files):
            analytics.put(TRANSACTIONS, file)
            # Right at once, and still once the job has written it.
            await holds(analytics, tables[: number + 1])
            await ended(analytics, number + 1)
            await holds(analytics, tables[: number + 1])
    assert sum(job.rows_written for job in await jobs(analytics)) == sum(map(len, everybody.values()))


async def test_versions_that_were_replaced_before_a_worker_came_are_not_lost(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase
) -> None:
    files = versions(2)
    tables = [scored(file) for file in files]
    for number, file in enumerate(files, 1):
        analytics.put(TRANSACTIONS, file)
        await segments(analytics)
        await until_published(analytics, analytics_database, number)
    # However many versions wait, one job takes them all.
    assert len(await jobs(analytics)) == 1
    async with working(analytics, lambda: clock["now"]):
        await ended(analytics, 1)
    await holds(analytics, tables)
    assert published(analytics, analytics_database) == [(3, True)]


async def test_replicas_answer_alike_and_each_version_is_in_the_history_once(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase, tmp_path: Path
) -> None:
    files = versions(3)
    tables = [scored(file) for file in files]
    now = lambda: clock["now"]  # noqa: E731
    async with (
        replica(analytics, now, tmp_path / "second") as second,
        replica(analytics, now, tmp_path / "third") as third,
    ):
        async with working(analytics, now), working(analytics, now, "2"):
            for number, file in enumerate(files, 1):
                analytics.put(TRANSACTIONS, file)
                told = await asyncio.gather(*(segments(each) for each in (analytics, second, third) for _ in "12"))
                assert len({reply.SerializeToString() for reply in told}) == 1
                await until_published(analytics, analytics_database, number, recorded=True)
        for each in (analytics, second, third):
            await holds(each, tables)


async def test_a_replica_takes_what_another_has_published(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase, tmp_path: Path
) -> None:
    analytics.put(TRANSACTIONS, versions(4)[0])
    first = await segments(analytics)
    await until_published(analytics, analytics_database, 1)
    async with replica(analytics, lambda: clock["now"], tmp_path / "second") as second:
        assert await segments(second) == first
        # It has the table and never needed the purchases.
        assert [path.suffix for path in second.cache.iterdir() if path.suffix not in ("", ".json")] == [".arrow"]


async def test_older_files_that_come_back_are_a_move_back(analytics: RunningAnalytics, clock: Clock) -> None:
    files = versions(5)[:2]
    tables = [scored(file) for file in files]
    async with working(analytics, lambda: clock["now"]):
        for number, file in enumerate([*files, files[0]], 1):
            analytics.put(TRANSACTIONS, file)
            await segments(analytics)
            await ended(analytics, number)
    await holds(analytics, [*tables, tables[0]])


async def test_new_purchases_are_in_the_history_though_nobody_asks(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase
) -> None:
    files = versions(6)
    analytics.put(TRANSACTIONS, files[0])
    await segments(analytics)
    now = lambda: clock["now"]  # noqa: E731
    async with working(analytics, now), rfm_clock(analytics.settings, now) as looking:
        await until_published(analytics, analytics_database, 1, recorded=True)
        assert await looking.look() == 0
        analytics.put(TRANSACTIONS, files[1])
        await looking.look()
        await until_published(analytics, analytics_database, 2, recorded=True)
        # What does not change is not looked at twice.
        assert await looking.look() == 0
    await holds(analytics, [scored(file) for file in files[:2]])


async def test_a_purchase_to_come_moves_its_customer_once_it_has_come(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase
) -> None:
    rows: list[tuple[object, str, float]] = [(f"c{n}", f"2024-01-0{n}", 10.0 * n) for n in range(1, 6)]
    analytics.put(TRANSACTIONS, purchases([*rows, ("c1", "2024-12-24", 1000)]))
    before = (await customer(analytics, "c1")).segmento
    now = lambda: clock["now"]  # noqa: E731
    async with working(analytics, now), rfm_clock(analytics.settings, now) as looking:
        await until_published(analytics, analytics_database, 1, recorded=True)
        clock["now"] = datetime(2024, 12, 25, tzinfo=UTC)
        await looking.look()
        await until_published(analytics, analytics_database, 2, recorded=True)
    moves = await history(analytics, "c1")
    assert [(as_of, segment) for as_of, segment, _ in moves] == [("2024-12-24", "Campeones"), ("2024-01-05", before)]


async def test_without_any_purchase_left_everybody_has_left(analytics: RunningAnalytics, clock: Clock) -> None:
    analytics.put(TRANSACTIONS, purchases([("c1", "2024-01-01", 5)]))
    first = await history(analytics, "c1")
    async with working(analytics, lambda: clock["now"]):
        await ended(analytics, 1)
        analytics.put(TRANSACTIONS, purchases([]))
        expected = [(NOW.date().isoformat(), None, None), *first]
        assert await history(analytics, "c1") == expected
        await ended(analytics, 2)
    assert [move[1:] for move in await history(analytics, "c1")] == [move[1:] for move in expected]


async def test_only_the_newest_moves_of_a_customer_are_kept(
    analytics: RunningAnalytics, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rfm_move_store, "MOST_MOVES", 3)
    there, gone = purchases([("c1", "2024-01-01", 5), ("c2", "2024-01-01", 5)]), purchases([("c2", "2024-01-01", 5)])
    async with working(analytics, lambda: clock["now"]):
        for number, file in enumerate([there, gone] * 3, 1):
            analytics.put(TRANSACTIONS, file + "\n" * number)
            await customer(analytics, "c2")
            await ended(analytics, number)
    assert [segment is None for _, segment, _ in await history(analytics, "c1")] == [True, False, True]
    assert len(await history(analytics, "c2")) == 1


async def test_who_never_bought_has_no_history(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, purchases([("c1", "2024-01-01", 5)]))
    for unknown in ("c2", "a\0b"):
        error = await refusal(history(analytics, unknown))
        assert (error.http_status, error.reason) == (404, "CUSTOMER_NOT_FOUND")


async def test_ids_that_no_index_takes_do_not_stop_the_history(analytics: RunningAnalytics, clock: Clock) -> None:
    analytics.put(
        TRANSACTIONS, purchases([("x" * 3000, "2024-01-01", 5), ("a\0b", "2024-01-01", 5), ("c1", "2024-01-01", 5)])
    )
    assert (await customer(analytics, "a\0b")).monto == 5
    async with working(analytics, lambda: clock["now"]):
        (job,) = await ended(analytics, 1)
    assert (job.error, job.rows_written) == ("", 1)


async def test_without_its_database_the_table_is_still_answered_from(
    analytics: RunningAnalytics, clock: Clock, tmp_path: Path
) -> None:
    analytics.put(TRANSACTIONS, purchases([("c1", "2024-01-01", 5)]))
    alone = analytics.settings.model_copy(update={"database_url": f"postgresql://nobody@/nothing?host={tmp_path}"})
    async with replica(replace(analytics, settings=alone), lambda: clock["now"], tmp_path / "alone") as served:
        assert (await segments(served)).total_clientes == 1
        assert (await refusal(history(served, "c1"))).http_status == 503


async def test_a_version_that_was_seen_before_the_newest_is_left_out(
    analytics: RunningAnalytics, analytics_database: ServiceDatabase
) -> None:
    database = Database(analytics_database.url)
    publishing = RfmPublishing(database, RfmTableStore(database), JobQueue(database, "analytics"))

    async def publish(version: str, age: float) -> list[tuple[int, bool]]:
        await publishing.publish(analytics.tenant_id, Scores(version, None, None, []), b"", age)
        return published(analytics, analytics_database)

    assert await publish("first", age=5) == [(1, False)]
    # It was seen before the first one was, and only came later.
    assert await publish("slow", age=9) == [(1, False)]
    assert await publish("first", age=0) == [(1, False)]
    assert await publish("second", age=1) == [(1, False), (2, False)]
    for number in range(3, 30):
        await publish(str(number), age=0)
    waiting = [number for number, _ in published(analytics, analytics_database)]
    assert waiting == list(range(30 - MOST_WAITING, 30))
    assert len(await jobs(analytics)) == 1
    await database.close()


async def test_jobs_go_when_their_time_is_over_and_the_history_stays(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase
) -> None:
    now = lambda: clock["now"]  # noqa: E731
    for number in (1, 2):
        analytics.put(TRANSACTIONS, purchases([("c1", "2024-01-01", number), ("c2", "2024-01-01", 9)]))
        await segments(analytics)
        async with working(analytics, now):
            (newest, *_) = await ended(analytics, number)
    moved = await history(analytics, "c1")
    with server().connect(analytics_database.name) as connection:
        old = "UPDATE jobs SET finished_at = now() - interval '91 days' WHERE tenant_id = %s AND id <> %s"
        connection.execute(old, [analytics.tenant_id, newest.job_id.partition("/")[2]])

    async def one_is_left() -> bool:
        return await jobs(analytics) == [newest]

    async with working(analytics, now):
        await until(one_is_left, "the old job is still there")
    assert await history(analytics, "c1") == moved


async def test_purchases_that_cannot_be_scored_fail_one_job_and_not_one_a_minute(
    analytics: RunningAnalytics, clock: Clock, analytics_database: ServiceDatabase
) -> None:
    analytics.put(TRANSACTIONS, versions(7)[0])
    await segments(analytics)
    now = lambda: clock["now"]  # noqa: E731
    async with working(analytics, now), rfm_clock(analytics.settings, now) as looking:
        await until_published(analytics, analytics_database, 1, recorded=True)
        analytics.put(TRANSACTIONS, "id_cuenta,fecha\nc1,2024-01-01\n")
        await looking.look()
        (failed, _) = await ended(analytics, 2)
        assert failed.code == "COLUMN_MISSING"
        await looking.look()
        assert len(await jobs(analytics)) == 2
        analytics.path(TRANSACTIONS).unlink()
        await looking.look()
        assert len(await jobs(analytics)) == 2
    assert published(analytics, analytics_database) == [(1, True)]


def published(analytics: RunningAnalytics, database: ServiceDatabase) -> list[tuple[int, bool]]:
    """The numbers of the tenant's published versions, and whether the history has them."""
    with psycopg.connect(server().dsn(database.name)) as connection:
        query = "SELECT number, is_recorded FROM rfm_tables WHERE tenant_id = %s ORDER BY number"
        return [(int(row[0]), bool(row[1])) for row in connection.execute(query, [analytics.tenant_id])]


async def until_published(
    analytics: RunningAnalytics, database: ServiceDatabase, number: int, *, recorded: bool = False
) -> None:
    async def is_there() -> bool:
        found = await asyncio.to_thread(published, analytics, database)
        return any(known == number and (is_recorded or not recorded) for known, is_recorded in found)

    await until(is_there, f"version {number} is not published")
