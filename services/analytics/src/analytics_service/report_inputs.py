"""A report's datasets as its tables have them: what is missing, what its SQL is told, what did not parse."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service_runtime.errors import Unprocessable

from analytics_service.answer import DataIssue
from analytics_service.reports import Report
from analytics_service.tables import Table


def check_columns(report: Report, tables: Mapping[str, Table]) -> None:
    """Refuses tables without a column that the report cannot do without: COLUMN_MISSING."""
    for item in report.inputs:
        present = tables[item.dataset.table].columns
        for column in item.required:
            if column not in present:
                raise column_missing(item.dataset.name, column)
        if item.any_of and not any(column in present for column in item.any_of):
            raise column_missing(item.dataset.name, item.any_of[0])


def column_missing(dataset: str, column: str) -> Unprocessable:
    """COLUMN_MISSING with the names of both."""
    return Unprocessable("COLUMN_MISSING", f"{dataset} has no column {column}.", dataset=dataset, column=column)


def bound(
    report: Report, tables: Mapping[str, Table], as_of: datetime | None, parameters: Mapping[str, int]
) -> dict[str, Any]:
    """What the report's SQL is to be told, by name."""
    told: dict[str, Any] = dict(parameters)
    if as_of is not None:
        told["as_of"] = as_of
    for item in report.inputs:
        table = tables[item.dataset.table]
        told |= {f"{table.dataset.table}_has_{column}": column in table.columns for column in item.optional}
    return told


def data_issues(report: Report, tables: Mapping[str, Table]) -> list[DataIssue]:
    """The columns with values that did not parse, in order; none where the report's reply has no place for them."""
    if report.is_legacy:
        return []
    issues = [
        DataIssue(item.dataset.name, column, bad)
        for item in report.inputs
        for column in (*item.required, *item.optional)
        if (bad := tables[item.dataset.table].bad_values(column))
    ]
    return sorted(issues, key=lambda issue: (issue.dataset, issue.column))
