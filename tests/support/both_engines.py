"""Runs each query on two engines and holds their answers against one another."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import analytics_service
from analytics_service.query_engine import Query, QueryEngine, Row
from analytics_service.reports import Report


def all_reports() -> list[Report]:
    """Every report that the service has, by name."""
    modules = [
        importlib.import_module(f"analytics_service.{module.name}")
        for module in pkgutil.iter_modules(analytics_service.__path__)
        if module.name.endswith("reports")
    ]
    found = {value.name: value for module in modules for value in vars(module).values() if isinstance(value, Report)}
    return [found[name] for name in sorted(found)]


class BothEngines:
    """A query engine that answers as the first, after the second has given the same rows."""

    def __init__(self, first: QueryEngine, second: QueryEngine) -> None:
        self._first, self._second = first, second
        self.compared = 0

    async def rows(self, query: Query) -> list[Row]:
        first, second = await self._first.rows(query), await self._second.rows(query)
        assert_same(first, second, query.sql)
        self.compared += 1
        return first

    async def write(self, query: Query, target: Path) -> Mapping[str, str]:
        await self._second.write(query, target)
        second = _read(target)
        told = await self._first.write(query, target)
        first = _read(target)
        assert_same(first, second, query.sql)
        # Whoever writes an answer wants it in the order that the text says.
        assert [list(row.values())[:1] for row in first] == [list(row.values())[:1] for row in second]
        self.compared += 1
        return told


def assert_same(first: list[Row], second: list[Row], what: str) -> None:
    """The same rows, in whatever order: shapes must not need one that the text does not say."""
    one, other = (sorted((_comparable(row) for row in rows), key=repr) for rows in (first, second))
    different = [f"{a}\n{b}" for a, b in zip(one, other, strict=False) if a != b]
    assert len(one) == len(other) and not different, f"{what}\n{len(one)} {len(other)} rows\n" + "\n".join(
        different[:5]
    )


def _comparable(row: Row) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isnan(value):
        # Sums of doubles depend on the order of rows, in their last digits.
        return float(f"{value:.10g}")
    return value


def _read(parquet_file: Path) -> list[Row]:
    from pyarrow import parquet

    rows: list[Row] = parquet.read_table(parquet_file).to_pylist()
    return rows
