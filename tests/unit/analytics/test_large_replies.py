"""Replies with very many groups, as a wrong column in a file makes them: they hold nobody up, or are refused."""

import asyncio
import threading
from pathlib import Path
from uuid import UUID

from analytics_service.answers import Answer, Answers
from analytics_service.as_of import NewestTimes
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.reports import CLAIM_STATS
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from atalaya.analytics.v1 import insurance_pb2
from google.protobuf.empty_pb2 import Empty
from service_runtime.config import RuntimeSettings
from service_runtime.lake import tenant_lake
from support.analytics_running import NOW, RunningAnalytics
from support.running import refusal

TENANT = UUID(int=1)
CLAIMS = "cassandra/reclamos/reclamos.csv"


async def test_others_are_answered_while_a_reply_is_shaped(tmp_path: Path) -> None:
    lake = tenant_lake(RuntimeSettings(atalaya_lake=f"file://{tmp_path / 'lake'}"), TENANT)
    lake.put_bytes(b"estado\naprobado\n", CLAIMS)
    engine = DuckDbEngine(tmp_path / "cache", memory_limit="200MB", threads=1, concurrency=2, timeout=60)
    tables = Tables(lambda _: lake, KeptFiles(tmp_path / "cache", 10**9), TableParser(engine), is_near=True)
    answers = Answers(tables, engine, NewestTimes(engine, lambda: NOW), 10**6, largest_reply=10**6)
    begun, answered = threading.Event(), threading.Event()

    def shape(_answer: Answer) -> Empty:
        begun.set()
        # By nobody where the event loop waits for this.
        assert answered.wait(10)
        return Empty()

    reply = asyncio.create_task(answers.answer(TENANT, CLAIM_STATS, shape))
    await asyncio.to_thread(begun.wait, 10)
    answered.set()
    assert await reply == Empty()
    await engine.close()


async def test_a_reply_larger_than_a_message_is_told_with_its_cause(analytics: RunningAnalytics) -> None:
    states = [str(number) + "x" * 100_000 for number in range(45)]
    analytics.put(CLAIMS, "\n".join(["estado", *states]))
    request = insurance_pb2.GetClaimStatsRequest()
    error = await refusal(analytics.insurance.GetClaimStats(request, metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (422, "REPLY_TOO_LARGE")
    assert error.message.startswith("The reply would have 4.5 MB, and 4.2 MB is the most: a column that")
