"""The report on the quality of the data once more, in plain Python from the specification alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from support.journey_reference import rounded
from support.lake_rules import identifier, read_lake, text
from support.people_reference import PARSERS, ended, newest, records, tail

DOCUMENTED = {
    "users": ("id", "username", "email", "role", "phone", "state", "city", "created_at"),
    "clients": (
        "user_id", "first_name", "last_name", "document_type", "birth_date", "id", "gender", "state", "created_at",
    ),
    "agents": ("id", "code", "first_name", "last_name", "is_active"),
    "beneficiaries": ("client_id", "relationship", "birth_date"),
}  # fmt: skip
FALLIBLE = {
    "mysql/users": ["created_at"],
    "mysql/clients": ["birth_date", "created_at"],
    "mysql/agents": ["is_active"],
    "mysql/beneficiaries": ["birth_date"],
}


@dataclass
class Judged:
    """What is said of a column, and how many of its cells are bad."""

    figures: dict[str, Any]
    bad: int
    repeated: int
    orphans: int


def data_quality(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """/mysql/analytics/data-quality-report"""
    raw = {name: read_lake(lake, f"mysql/{name}") for name in DOCUMENTED}
    end = ended(as_of) or newest(records(lake, "mysql/users"), now)
    client_key = "id" if "id" in raw["clients"] else "user_id"
    keys = {("users", "id"), ("clients", client_key), ("agents", "id")}
    refers = {("clients", "user_id"): ("users", "id"), ("beneficiaries", "client_id"): ("clients", client_key)}
    datasets, all_bad, all_cells = {}, 0, 0
    for name, table in raw.items():
        judged = {}
        for column in (column for column in DOCUMENTED[name] if column in table):
            target, target_column = refers.get((name, column), (name, column))
            there = {identifier(cell) for cell in raw[target].get(target_column, [])}
            judged[column] = judge(column, table[column], end, there, is_key=(name, column) in keys)
        bad, cells = sum(column.bad for column in judged.values()), len(judged) * len(table)
        datasets[name] = {
            "rows": len(table),
            "columns": {column: found.figures for column, found in judged.items()},
            "duplicate_keys": sum(column.repeated for column in judged.values()),
            "orphans": {column: found.orphans for column, found in judged.items() if (name, column) in refers},
            "quality_score": score(bad, cells),
        }
        all_bad, all_cells = all_bad + bad, all_cells + cells
    return {
        "datasets": datasets,
        "overall_quality_score": score(all_bad, all_cells),
        **tail(lake, end, FALLIBLE),
    }


def judge(column: str, cells: Iterable[Any], end: datetime, there: set[str | None], *, is_key: bool) -> Judged:
    """Judges a column; `there` are the ids that its own may name."""
    is_id = PARSERS.get(column) is identifier
    values = [text(cell) for cell in cells]
    compared = [identifier(value) if is_id else value for value in values]
    if column == "email":
        compared = [value.lower() if value else None for value in values]
    missing = [value is None for value in values]
    invalid = [value is not None and is_invalid(column, value, end) for value in values]
    lost = [is_id and value is not None and value not in there for value in compared]
    double = seen_before(compared) if is_key else [False] * len(values)
    figures = {
        "missing": sum(missing),
        "missing_rate": rounded(100 * sum(missing) / len(values), 1) if values else None,
        "distinct": len({value for value in compared if value is not None}),
        "invalid": sum(invalid),
    }
    bad = sum(map(any, zip(missing, invalid, lost, double, strict=True)))
    return Judged(figures, bad, sum(double), sum(lost))


def is_invalid(column: str, value: str, end: datetime) -> bool:
    if column == "email":
        return not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value)
    if column == "phone":
        return not 6 <= len(re.findall("[0-9]", value)) <= 15
    parsed = PARSERS.get(column, text)(value)
    return parsed is None or (isinstance(parsed, datetime) and parsed > end)


def score(bad: int, cells: int) -> float | None:
    return rounded(100 * (1 - bad / cells), 1) if cells else None


def seen_before(values: list[str | None]) -> list[bool]:
    """Of each value, whether it stands there for a second time or more."""
    seen: set[str] = set()
    repeated = []
    for value in values:
        repeated.append(value in seen)
        seen |= {value} if value is not None else set()
    return repeated
