"""Answers reports: from what is kept where nothing changed, else by one computation for all who ask."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from service_runtime.errors import Unprocessable

from analytics_service.as_of import NewestTimes
from analytics_service.kept_files import key_of
from analytics_service.query_engine import Query, QueryEngine, Row
from analytics_service.reports import Report, sql_text
from analytics_service.single_flight import SingleFlight
from analytics_service.tables import Table, Tables

R = TypeVar("R")


@dataclass(frozen=True)
class DataIssue:
    """How many values of a column are there and do not parse."""

    dataset: str
    column: str
    bad_values: int


@dataclass(frozen=True)
class Answer:
    """A report's rows, the end of its window in UTC (None where it has none) and the values that it could not read."""

    rows: list[Row]
    as_of: datetime | None
    parameters: Mapping[str, int]
    data_issues: list[DataIssue]


@dataclass(frozen=True)
class Asked:
    """A report over the tables of one version, with what its SQL is to be told."""

    report: Report
    tables: Mapping[str, Table]
    as_of: datetime | None
    parameters: Mapping[str, int]


class Answers:
    """Runs reports and keeps their shaped replies by tenant, report, parameters and data version."""

    def __init__(self, tables: Tables, engine: QueryEngine, times: NewestTimes, most_kept: int) -> None:
        self._tables, self._engine, self._times, self._most_kept = tables, engine, times, most_kept
        self._kept: OrderedDict[tuple[UUID, Hashable], object] = OrderedDict()
        self._flights: SingleFlight[object] = SingleFlight()

    async def answer(
        self,
        tenant_id: UUID,
        report: Report,
        shape: Callable[[Answer], R],
        as_of: datetime | None = None,
        **parameters: int,
    ) -> R:
        """The report's reply; `parameters` are those of its SQL, such as months.

        Errors: DATASET_NOT_FOUND, COLUMN_MISSING, LAKE_UNAVAILABLE, QUERY_TIMEOUT.
        """
        tables = await self._tables.open(tenant_id, report.datasets)
        _check_columns(report, tables)
        version = key_of(*(table.version for table in tables.values()))
        with self._tables.in_use(tables):
            if report.times and as_of is None:
                sources = {name: table.source() for name, table in tables.items()}
                newest = await self._times.find(str(tenant_id), report.times, version, sources)
                as_of = newest or self._times.now().replace(microsecond=0)
            key = (tenant_id, (report.name, shape, as_of, *sorted(parameters.items()), version))
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(R, self._kept[key])
            asked = Asked(report, tables, as_of, parameters)
            return cast(R, await self._flights.run(key, lambda: self._compute(key, asked, shape)))

    def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's replies."""
        for key in [key for key in self._kept if key[0] == tenant_id]:
            del self._kept[key]

    async def _compute(self, key: tuple[UUID, Hashable], asked: Asked, shape: Callable[[Answer], R]) -> R:
        with self._tables.in_use(asked.tables):
            sources = {name: table.source() for name, table in asked.tables.items()}
            query = Query(str(key[0]), sql_text(asked.report.name), sources, _bound(asked))
            rows = await self._engine.rows(query)
        reply = shape(Answer(rows, asked.as_of, asked.parameters, _data_issues(asked)))
        self._kept[key] = reply
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return reply


def _check_columns(report: Report, tables: Mapping[str, Table]) -> None:
    for item in report.inputs:
        present = tables[item.dataset.table].columns
        for column in item.required:
            if column not in present:
                raise column_missing(item.dataset.name, column)
        if item.any_of and not any(column in present for column in item.any_of):
            raise column_missing(item.dataset.name, item.any_of[0])


def column_missing(dataset: str, column: str) -> Unprocessable:
    return Unprocessable("COLUMN_MISSING", f"{dataset} has no column {column}.", dataset=dataset, column=column)


def _bound(asked: Asked) -> dict[str, Any]:
    bound: dict[str, Any] = dict(asked.parameters)
    if asked.as_of is not None:
        bound["as_of"] = asked.as_of
    for item in asked.report.inputs:
        table = asked.tables[item.dataset.table]
        bound |= {f"{table.dataset.table}_has_{column}": column in table.columns for column in item.optional}
    sql = sql_text(asked.report.name)
    return {name: value for name, value in bound.items() if f"${name}" in sql}


def _data_issues(asked: Asked) -> list[DataIssue]:
    if asked.report.is_legacy:
        return []
    issues = [
        DataIssue(item.dataset.name, column, bad)
        for item in asked.report.inputs
        for column in (*item.required, *item.optional)
        if (bad := asked.tables[item.dataset.table].bad_values(column))
    ]
    return sorted(issues, key=lambda issue: (issue.dataset, issue.column))
