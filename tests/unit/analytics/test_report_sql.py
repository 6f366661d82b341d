"""Each report's SQL begins with a sentence for whoever reads it; that it goes over to Athena, test_dialect.py shows."""

from importlib import resources
from pathlib import Path

import pytest
from analytics_service.reports import sql_text

SQL = Path(str(resources.files("analytics_service").joinpath("sql")))
NAMES = sorted(file.relative_to(SQL).with_suffix("").as_posix() for file in SQL.rglob("*.sql"))


@pytest.mark.parametrize("name", NAMES)
def test_a_report_begins_by_saying_what_it_gives(name: str) -> None:
    assert sql_text(name).startswith("-- ")
