"""What the reports ask of a query engine: DuckDB in the process today, another where data outgrow one machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from analytics_service.datasets import Dataset

Row = dict[str, Any]


class QueryFailed(Exception):
    """The engine could not run the query; for files that came from outside that means they cannot be read."""


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


class QueryEngine(Protocol):
    """Runs queries. Errors of both: QUERY_TIMEOUT, QUERY_TOO_LARGE; QueryFailed for anything else."""

    async def rows(self, query: Query) -> list[Row]:
        """All rows of the answer; times are UTC without zone."""

    async def write(self, query: Query, target: Path) -> None:
        """Writes the answer as a Parquet file."""
