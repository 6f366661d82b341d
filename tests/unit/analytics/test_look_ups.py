"""Look-ups are made once for the versions of their tables, and change no figure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from analytics_service.answers import Answers
from analytics_service.as_of import NewestTimes, times_text
from analytics_service.convert import customer_journey
from analytics_service.cross_convert import claims_versus_policies
from analytics_service.cross_reports import CLAIMS_VERSUS_POLICIES
from analytics_service.dialect import differences, translate
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.look_ups import LookUps, text_with
from analytics_service.query_engine import Query
from analytics_service.reports import CUSTOMER_JOURNEY, Report, sql_text
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from google.protobuf.message import Message
from service_runtime.config import RuntimeSettings
from service_runtime.lake import tenant_lake
from support.both_engines import all_reports
from support.insurance_data import SMALL, insurance_files

TENANT = UUID(int=1)
NOW = datetime(2024, 10, 5, tzinfo=UTC)
CLAIMS, POLICIES = "cassandra/reclamos/reclamos.csv", "postgresql/policies/policies.csv"
REPORTS = (CLAIMS_VERSUS_POLICIES, CUSTOMER_JOURNEY)


class CountingEngine(DuckDbEngine):
    """Tells what it has written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, memory_limit="200MB", threads=1, concurrency=2, timeout=60)
        self.written: list[str] = []

    async def write(self, query: Query, target: Path) -> Mapping[str, str]:
        self.written.append(query.sql)
        return await super().write(query, target)


class House:
    """A lake of small dirty data, and answers over it with look-ups or without."""

    def __init__(self, folder: Path, *, keeps: bool) -> None:
        where = RuntimeSettings(atalaya_lake=f"file://{folder / 'lake'}")
        self.lake, self.cache = tenant_lake(where, TENANT), folder / "cache"
        self.files = insurance_files(5, scale=SMALL / 2, dirty=True)
        for path, content in self.files.items():
            self.lake.put_bytes(content, path)
        self.engine = CountingEngine(self.cache)
        kept = KeptFiles(self.cache, 10**9)
        tables = Tables(lambda _: self.lake, kept, TableParser(self.engine), is_near=True)
        times = NewestTimes(self.engine, lambda: NOW)
        look_ups = LookUps(self.engine, kept) if keeps else None
        self.answers = Answers(tables, self.engine, times, 10**6, look_ups, largest_reply=10**6)

    async def ask(self, report: Report) -> Message:
        shape: Any = claims_versus_policies if report is CLAIMS_VERSUS_POLICIES else customer_journey
        reply: Message = await self.answers.answer(TENANT, report, shape)
        return reply

    def change(self, path: str) -> None:
        rows = self.files[path].splitlines(keepends=True)
        self.files[path] = b"".join([*rows, rows[1]])
        self.lake.put_bytes(self.files[path], path)

    def made(self) -> set[str]:
        """The look-ups that were made since this was asked last."""
        texts = {sql_text(look_up.name): look_up.table for report in REPORTS for look_up in report.look_ups}
        made = [texts[sql] for sql in self.engine.written if sql in texts]
        self.engine.written.clear()
        assert len(made) == len(set(made))
        return set(made)


def names(report: Report, dataset: str = "") -> set[str]:
    """The report's look-ups; those that are made of a dataset."""
    of = {look_up.table: {each.name for each in look_up.datasets} for look_up in report.look_ups}
    return {table for table in of if not dataset or dataset in of[table]}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
async def test_only_what_they_are_made_of_makes_them_again(tmp_path: Path, report: Report) -> None:
    kept, plain = House(tmp_path / "kept", keeps=True), House(tmp_path / "plain", keeps=False)
    of_claims, of_policies = names(report, "cassandra/reclamos"), names(report, "postgresql/policies")
    # Who asks first for new data is answered without; the next one has them made, and all others find them.
    steps = [
        ("", set()),
        (CLAIMS, names(report) - of_claims),
        (CLAIMS, set()),
        (POLICIES, of_claims),
        (CLAIMS, of_policies),
    ]
    assert of_claims and of_policies and names(report) - of_claims - of_policies
    for number, (change, made) in enumerate(steps):
        if change:
            kept.change(change)
            plain.change(change)
        assert await kept.ask(report) == await plain.ask(report), number
        assert (kept.made(), plain.made()) == (made, set()), number
    await kept.engine.close()
    await plain.engine.close()


async def test_a_look_up_that_was_spoiled_is_made_again(tmp_path: Path) -> None:
    house = House(tmp_path, keeps=True)
    await house.ask(CUSTOMER_JOURNEY)
    assert house.made() == set()
    house.answers.forget(TENANT)
    before = await house.ask(CUSTOMER_JOURNEY)
    assert house.made() == names(CUSTOMER_JOURNEY)
    for file in house.cache.glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:10])
    house.answers.forget(TENANT)
    assert await house.ask(CUSTOMER_JOURNEY) == before
    assert house.made() == names(CUSTOMER_JOURNEY)
    await house.engine.close()


@pytest.mark.parametrize("report", all_reports(), ids=lambda report: report.name)
def test_look_ups_know_no_end_of_a_window_and_read_what_the_report_reads(report: Report) -> None:
    for look_up in report.look_ups:
        assert "$as_of" not in sql_text(look_up.name)
        assert set(look_up.datasets) <= set(report.datasets)
    assert {times.dataset for times in report.times} <= set(report.datasets)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_what_is_put_together_goes_over_to_athena_too(report: Report) -> None:
    for text in (text_with(report.look_ups, sql_text(report.name)), times_text(report.times)):
        assert differences(text) == []
        assert translate(text, tuple(dataset.table for dataset in report.datasets)).text


def test_a_text_takes_its_look_ups_before_its_own() -> None:
    look_ups = REPORTS[0].look_ups
    text = text_with(look_ups, "-- What.\nWITH a AS (SELECT 1)\nSELECT * FROM a")
    assert text.startswith(f"-- What.\nWITH {look_ups[0].table} AS (\n-- ")
    assert text.endswith("),\na AS (SELECT 1)\nSELECT * FROM a")
    assert text_with((), "SELECT 1") == "SELECT 1"
    with pytest.raises(ValueError, match="WITH"):
        text_with(look_ups, "SELECT 1")
