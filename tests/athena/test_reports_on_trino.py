"""Every report means the same on Trino, which Athena is, as in DuckDB: one text, the same tables, equal rows."""

from datetime import datetime
from pathlib import Path

from analytics_service.answer import Answer
from analytics_service.answers import Answers
from analytics_service.as_of import NewestTimes
from analytics_service.reports import Report, sql_text
from analytics_service.rfm_scoring import Scoring
from google.protobuf.empty_pb2 import Empty
from support.analytics_running import NOW
from support.athena_running import athena_settings, house
from support.athena_server import AthenaServer
from support.both_engines import BothEngines, all_reports
from support.insurance_data import SMALL, insurance_files, transaction_files, without_columns

# What a caller may say, where a report's text asks for it.
PARAMETERS = {"months": 7, "hours": 100}
OPTIONAL = {
    "mysql/clients/clients.csv": ("id", "gender", "state", "created_at"),
    "postgresql/policies/policies.csv": ("status", "issue_date", "created_at", "end_date"),
    "postgresql/products/products.csv": ("description",),
}


def nothing(_answer: Answer) -> Empty:
    """The shape of a reply that nobody reads."""
    return Empty()


def parameters(report: Report) -> dict[str, int]:
    return {name: value for name, value in PARAMETERS.items() if f"${name}" in sql_text(report.name)}


async def ask_all(folder: Path, athena: AthenaServer, files: dict[str, bytes], as_of: datetime | None) -> int:
    """Asks every report of both engines; gives how many queries were compared."""
    failed: list[str] = []
    async with house(athena_settings(folder, athena, analytics_query_timeout_seconds=300)) as running:
        for path, content in files.items():
            running.lake.put_bytes(content, path)
        both = BothEngines(running.engines.near, running.engines.reports)
        answers = Answers(running.tables, both, NewestTimes(both, lambda: NOW), 0, largest_reply=10**8)
        for report in all_reports():
            try:
                await answers.answer(running.tenant_id, report, nothing, as_of, **parameters(report))
            except Exception as error:
                failed.append(f"{report.name}: {error}"[:3000])
    assert not failed, "\n\n".join(failed)
    return both.compared


async def test_every_report_gives_the_same_rows(tmp_path: Path, athena: AthenaServer) -> None:
    compared = await ask_all(tmp_path, athena, insurance_files(1, dirty=True), None)
    assert compared > len(all_reports())


async def test_every_report_gives_the_same_rows_to_a_given_time(tmp_path: Path, athena: AthenaServer) -> None:
    files = insurance_files(3, dirty=True)
    await ask_all(tmp_path, athena, files, datetime(2024, 6, 1, 5, 30, 7))  # noqa: DTZ001


async def test_every_report_gives_the_same_rows_of_nothing(tmp_path: Path, athena: AthenaServer) -> None:
    headers = {path: content.splitlines()[0] + b"\n" for path, content in insurance_files(5).items()}
    await ask_all(tmp_path, athena, headers, None)


async def test_every_report_gives_the_same_rows_without_what_may_be_absent(
    tmp_path: Path, athena: AthenaServer
) -> None:
    files = insurance_files(6, scale=SMALL / 4)
    for path, absent in OPTIONAL.items():
        files[path] = without_columns(files[path], *absent)
    await ask_all(tmp_path, athena, files, None)


async def test_rfm_scores_the_same_customers_alike(tmp_path: Path, athena: AthenaServer) -> None:
    async with house(athena_settings(tmp_path, athena, analytics_query_timeout_seconds=300)) as running:
        for files in (insurance_files(4, dirty=True), transaction_files(4, dirty=True)):
            # Payments at first, then transactions, which go before them.
            for path, content in files.items():
                running.lake.put_bytes(content, path)
            both = BothEngines(running.engines.near, running.engines.reports)
            scoring = Scoring(running.tables, both, running.engines.near, lambda: NOW)
            target = running.settings.analytics_cache_folder / "customers.parquet"
            scores = await scoring.score(running.tenant_id, await scoring.purchases(running.tenant_id), target)
            assert scores.newest is not None
            assert both.compared == 2
