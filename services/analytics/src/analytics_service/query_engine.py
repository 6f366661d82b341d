"""What the reports ask of a query engine: DuckDB in the process today, another where data outgrow one machine."""

import re
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from analytics_service.datasets import Dataset

Row = dict[str, Any]


class QueryFailed(Exception):
    """The engine could not run the query; for files that came from outside that means they cannot be read."""


class TooManyRows(Exception):
    """The answer has more rows than its query may have."""


@dataclass(frozen=True)
class Source:
    """A table of a query: its typed Parquet files, and names that differ from those in the files.

    Where they are a dataset's, `version` names their content: the same version is the same files.
    """

    files: Sequence[Path]
    renamed: Mapping[str, str] = field(default_factory=dict)
    dataset: Dataset | None = None
    version: str = ""


@dataclass(frozen=True)
class Query:
    """One statement for `owner`, over tables by name, with parameters as in `$as_of`."""

    owner: str
    sql: str
    tables: Mapping[str, Source] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    # When it is given up; None: as the engine is set.
    seconds: float | None = None
    # An answer of more rows is TooManyRows, and not read to its end; None: all are read.
    most_rows: int | None = None

    def check(self, rows: Sized) -> None:
        """Raises TooManyRows where there are more than it may have."""
        if self.most_rows is not None and len(rows) > self.most_rows:
            raise TooManyRows


def query_of(
    owner: str,
    sql: str,
    tables: Mapping[str, Source],
    parameters: Mapping[str, object],
    *,
    seconds: float | None = None,
    most_rows: int | None = None,
) -> Query:
    """A statement with those of the tables that it reads, since opening one costs as much as many a query, and those of
    the parameters that it asks for."""
    read = {name: source for name, source in tables.items() if re.search(rf"\b(FROM|JOIN) {name}\b", sql)}
    asked = {name: value for name, value in parameters.items() if f"${name}" in sql}
    return Query(owner, sql, read, asked, seconds, most_rows)


class QueryEngine(Protocol):
    """Runs queries. Errors of both: QUERY_TIMEOUT, QUERY_TOO_LARGE; QueryFailed for anything else."""

    async def rows(self, query: Query) -> list[Row]:
        """All rows of the answer; times are UTC without zone. Also raises TooManyRows."""

    async def write(self, query: Query, target: Path) -> Mapping[str, str]:
        """Writes the answer as a Parquet file; tells the largest value of columns, as text, so far as it knows."""
