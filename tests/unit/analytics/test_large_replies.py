"""Replies with very many groups, as a wrong column in a file makes them: they hold nobody up, or are refused."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from analytics_service.answer import Answer
from analytics_service.answers import Answers
from analytics_service.as_of import NewestTimes
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.reports import CLAIM_STATS
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from atalaya.analytics.v1 import insurance_pb2, insurance_people_pb2
from google.protobuf.empty_pb2 import Empty
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unprocessable
from service_runtime.lake import tenant_lake
from support.analytics_running import NOW, RunningAnalytics
from support.running import refusal

TENANT = UUID(int=1)
CLAIMS = "cassandra/reclamos/reclamos.csv"


@asynccontextmanager
async def answers_on(folder: Path, claims: bytes, largest_reply: int) -> AsyncIterator[Answers]:
    lake = tenant_lake(RuntimeSettings(atalaya_lake=f"file://{folder / 'lake'}"), TENANT)
    lake.put_bytes(claims, CLAIMS)
    engine = DuckDbEngine(folder / "cache", memory_limit="200MB", threads=1, concurrency=2, timeout=60)
    tables = Tables(lambda _: lake, KeptFiles(folder / "cache", 10**9), TableParser(engine), is_near=True)
    yield Answers(tables, engine, NewestTimes(engine, lambda: NOW), 10**6, largest_reply=largest_reply)
    await engine.close()


async def test_others_are_answered_while_a_reply_is_shaped(tmp_path: Path) -> None:
    begun, answered = threading.Event(), threading.Event()

    def shape(_answer: Answer) -> Empty:
        begun.set()
        # By nobody where the event loop waits for this.
        assert answered.wait(10)
        return Empty()

    async with answers_on(tmp_path, b"estado\naprobado\n", 10**6) as answers:
        reply = asyncio.create_task(answers.answer(TENANT, CLAIM_STATS, shape))
        await asyncio.to_thread(begun.wait, 10)
        answered.set()
        assert await reply == Empty()


@pytest.mark.parametrize(("states", "is_read"), [(12, True), (13, False)])
async def test_rows_that_cannot_fit_into_a_reply_are_not_read(tmp_path: Path, *, states: int, is_read: bool) -> None:
    claims = "\n".join(["estado", *(f"s{number}" for number in range(states))]).encode()
    shaped: list[Answer] = []

    def shape(answer: Answer) -> Empty:
        shaped.append(answer)
        return Empty()

    # Twelve of the shortest entries; CLAIM_STATS has a row for each state.
    async with answers_on(tmp_path, claims, 100) as answers:
        if is_read:
            await answers.answer(TENANT, CLAIM_STATS, shape)
        else:
            with pytest.raises(Unprocessable, match="a column that the report lists or groups by") as refused:
                await answers.answer(TENANT, CLAIM_STATS, shape)
            assert refused.value.reason == "REPLY_TOO_LARGE"
    assert [len(answer.rows) for answer in shaped] == ([states] if is_read else [])


async def test_growth_of_too_many_states_is_refused_before_their_months_are_made(analytics: RunningAnalytics) -> None:
    lines = (f"{number},state {number},2024-01-01T00:00:00Z" for number in range(15_000))
    analytics.put("mysql/users/users.csv", "\n".join(["id,state,created_at", *lines]))
    request = insurance_people_pb2.GetGrowthByStateRequest(months=36)
    error = await refusal(analytics.people.GetGrowthByState(request, metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (422, "REPLY_TOO_LARGE")
    # 540,000 entries of 8 bytes; made, the reply had 7.4 MB.
    assert error.message.startswith("The reply would have 4.3 MB or more")


async def test_a_reply_larger_than_a_message_is_told_with_its_cause(analytics: RunningAnalytics) -> None:
    states = [str(number) + "x" * 100_000 for number in range(45)]
    analytics.put(CLAIMS, "\n".join(["estado", *states]))
    request = insurance_pb2.GetClaimStatsRequest()
    error = await refusal(analytics.insurance.GetClaimStats(request, metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (422, "REPLY_TOO_LARGE")
    assert error.message.startswith("The reply would have 4.5 MB or more, and 4.2 MB is the most: a column that")
