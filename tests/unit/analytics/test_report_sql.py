"""The reports' SQL is one text for two engines: all of it goes over to Athena's dialect, parameters included."""

import re
from importlib import resources
from pathlib import Path

import pytest
import sqlglot
from analytics_service.reports import sql_text

SQL = Path(str(resources.files("analytics_service").joinpath("sql")))
NAMES = sorted(file.relative_to(SQL).with_suffix("").as_posix() for file in SQL.rglob("*.sql"))


@pytest.mark.parametrize("name", NAMES)
def test_a_report_goes_over_to_athena(name: str) -> None:
    text = sql_text(name)
    (moved,) = sqlglot.transpile(text, read="duckdb", write="athena", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert sqlglot.parse_one(moved, read="athena") is not None
    assert set(re.findall(r":(\w+)", moved)) == set(re.findall(r"\$(\w+)", text))


@pytest.mark.parametrize("name", NAMES)
def test_a_report_begins_by_saying_what_it_gives(name: str) -> None:
    assert sql_text(name).startswith("-- ")


@pytest.mark.parametrize("name", NAMES)
def test_a_report_has_nothing_that_athena_lacks(name: str) -> None:
    # Quantiles, medians, modes and pivots read the same and mean something else, or nothing, over there.
    functions = r"\b(median|quantile\w*|mode|approx\w*|columns)\s*\(|\b(pivot|exclude|qualify|group by all)\b"
    assert not re.search(functions, sql_text(name), re.I)
