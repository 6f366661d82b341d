"""What the reports cost where there is nothing but DuckDB and local Parquet, typed before: the least there is to do."""

import tempfile
from pathlib import Path
from typing import Self

import duckdb
from analytics_service.as_of import times_text
from analytics_service.cross_reports import CLAIMS_VERSUS_POLICIES
from analytics_service.csv_text import inspect
from analytics_service.look_ups import text_with
from analytics_service.reports import CUSTOMER_JOURNEY, Report, sql_text
from analytics_service.rounding import ROUND_HALF_AWAY
from analytics_service.table_parser import typed_query

REPORTS = {"claims-vs-policies": CLAIMS_VERSUS_POLICIES, "customer-journey": CUSTOMER_JOURNEY}


class PlainDuckDb:
    """The same queries on the same tables, in a connection of its own with DuckDB's usual settings."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = tempfile.TemporaryDirectory()
        self._connection = duckdb.connect()
        self._bound: dict[str, dict[str, object]] = {}
        # What the service keeps of unchanged files is part of the query here.
        self._sql = {name: text_with(report.look_ups, sql_text(report.name)) for name, report in REPORTS.items()}

    def __enter__(self) -> Self:
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute(f"CREATE MACRO round_half_away(value, digits) AS {ROUND_HALF_AWAY}")
        for name, report in REPORTS.items():
            self._bound[name] = self._prepare(report, self._sql[name])
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def answer(self, name: str) -> list[tuple[object, ...]]:
        return self._connection.execute(self._sql[name], self._bound[name]).fetchall()

    def _prepare(self, report: Report, sql: str) -> dict[str, object]:
        bound: dict[str, object] = {}
        for item in report.inputs:
            dataset = item.dataset
            file, target = inspect(self._data / dataset.path), Path(self._folder.name) / f"{dataset.table}.parquet"
            if not target.exists():
                self._connection.execute(f"COPY ({typed_query(dataset, file)}) TO '{target}' (FORMAT parquet)")
                select = f"SELECT * FROM read_parquet('{target}')"  # noqa: S608
                self._connection.execute(f"CREATE VIEW {dataset.table} AS {select}")
            bound |= {f"{dataset.table}_has_{column}": column in file.header for column in item.optional}
        found = self._connection.execute(times_text(report.times), {"now": "2024-10-05"}).fetchall()
        newest = max(newest for _, newest, _ in found)
        return {key: value for key, value in {**bound, "as_of": newest}.items() if f"${key}" in sql}
