"""The report on the quality of the data once more, in plain Python from the specification alone."""

import re
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


def data_quality(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """/mysql/analytics/data-quality-report"""
    raw = {name: read_lake(lake, f"mysql/{name}") for name in DOCUMENTED}
    end = ended(as_of) or newest(records(lake, "mysql/users"), now)
    client_key = "id" if "id" in raw["clients"] else "user_id"
    keys = {"users": "id", "clients": client_key, "agents": "id"}
    refers = {("clients", "user_id"): ("users", "id"), ("beneficiaries", "client_id"): ("clients", client_key)}
    datasets, all_bad, all_cells = {}, 0, 0
    for name, table in raw.items():
        columns, orphans, repeated, bad, cells = {}, {}, 0, 0, 0
        for column in (column for column in DOCUMENTED[name] if column in table):
            values = [text(cell) for cell in table[column]]
            parsed = [PARSERS.get(column, text)(value) for value in values]
            compared = parsed if PARSERS.get(column) is identifier else values
            if column == "email":
                compared = [value.lower() if value else None for value in values]
            missing = [value is None for value in values]
            invalid = [value is not None and is_invalid(column, value, end) for value in values]
            lost, double = [False] * len(values), [False] * len(values)
            if (name, column) in refers:
                target, target_column = refers[name, column]
                there = {identifier(cell) for cell in raw[target].get(target_column, [])}
                lost = [value is not None and value not in there for value in parsed]
                orphans[column] = sum(lost)
            if keys.get(name) == column:
                double = seen_before(parsed)
                repeated = sum(double)
            bad += sum(map(any, zip(missing, invalid, lost, double, strict=True)))
            cells += len(values)
            columns[column] = {
                "missing": sum(missing),
                "distinct": len({value for value in compared if value is not None}),
                "invalid": sum(invalid),
                "missing_rate": rounded(100 * sum(missing) / len(values), 1) if values else None,
            }
        datasets[name] = {
            "rows": len(table),
            "columns": columns,
            "duplicate_keys": repeated,
            "orphans": orphans,
            "quality_score": score(bad, cells),
        }
        all_bad, all_cells = all_bad + bad, all_cells + cells
    return {
        "datasets": datasets,
        "overall_quality_score": score(all_bad, all_cells),
        **tail(lake, end, FALLIBLE),
    }


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
