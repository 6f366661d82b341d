"""The reports over products, policies and coverages once more, from the specification alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from support.journey_reference import rounded
from support.lake_rules import bad_values, identifier, number, read_lake, text, time

Row = dict[str, Any]
Json = dict[str, Any]

DATES = ("start_date", "issue_date", "created_at")
ACTIVE = ("ACTIVE", "ACTIVA", "ACTIVO", "VIGENTE")
APPROVED = ("APROBADO", "APROBADA", "APPROVED")


def label(raw: object) -> str | None:
    """A text that is grouped by: upper-cased."""
    value = text(raw)
    return value.upper() if value else None


# How each column of these reports is read.
PARSERS: dict[str, Callable[[object], Any]] = {
    **dict.fromkeys(("id", "product_id", "policy_id", "agent_id", "policy_number"), identifier),
    **dict.fromkeys(("code", "name", "description"), text),
    **dict.fromkeys(("product_type", "status", "coverage_name", "estado"), label),
    **dict.fromkeys(("base_premium", "premium", "sum_insured", "coverage_limit", "deductible", "monto"), number),
    **dict.fromkeys((*DATES, "end_date"), time),
}


def read(lake: Path, dataset: str) -> list[Row]:
    """The dataset's rows as values, with the columns that are there."""
    raw = read_lake(lake, dataset)
    columns = {name: [PARSERS[name](cell) for cell in raw[name]] for name in raw if name in PARSERS}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def has(lake: Path, dataset: str, column: str) -> bool:
    return column in read_lake(lake, dataset)


def read_policies(lake: Path) -> list[Row]:
    """The policies, each with its `date`."""
    rows = read(lake, "postgresql/policies")
    return [row | {"date": next((row[name] for name in DATES if row.get(name)), None)} for row in rows]


def issues(lake: Path, used: Mapping[str, Sequence[str]]) -> list[Json]:
    found = []
    for dataset in sorted(used):
        raw = read_lake(lake, dataset)
        for column in sorted(used[dataset]):
            bad = bad_values(raw[column], PARSERS[column]) if column in raw else 0
            if bad:
                found.append({"dataset": dataset, "column": column, "bad_values": bad})
    return found


def window_end(policies: Iterable[Row], now: datetime, as_of: datetime | None) -> datetime:
    clock = now.replace(tzinfo=None)
    past = [row["date"] for row in policies if row["date"] and row["date"] <= clock]
    return (as_of and as_of.replace(tzinfo=None)) or max(past, default=clock)


def values(rows: Iterable[Row], column: str) -> list[float]:
    return [row[column] for row in rows if row.get(column) is not None]


def total(amounts: Iterable[float]) -> float:
    return rounded(sum(amounts), 2) or 0.0


def average(amounts: Sequence[float]) -> float | None:
    return rounded(sum(amounts) / len(amounts), 2) if amounts else None


def quotient(part: float, whole: float, digits: int) -> float | None:
    return rounded(part / whole, digits) if whole else None


def statistics(amounts: Sequence[float], **names: str) -> Json:
    """Average, median, max and min under the names that they have there."""
    figures = {
        "average": average(amounts),
        "median": rounded(float(np.percentile(amounts, 50)), 2) if amounts else None,
        "max": rounded(max(amounts, default=None), 2),
        "min": rounded(min(amounts, default=None), 2),
    }
    return {names.get(name, name): figure for name, figure in figures.items()}


def grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row.get(column) or "UNKNOWN"].append(row)
    return groups


def smallest(rows: Iterable[Row], key: str) -> dict[str, Row]:
    """Each key once, with the smallest value of each column."""
    found: dict[str, Row] = {}
    for row in rows:
        if row[key] is not None:
            one = found.setdefault(row[key], {})
            for name, value in row.items():
                if value is not None and (one.get(name) is None or value < one[name]):
                    one[name] = value
    return found


def product_overview(lake: Path, _now: datetime, as_of: datetime | None = None) -> Json:
    rows = read(lake, "postgresql/products")
    premiums = values(rows, "base_premium")
    bands = {"< 100": (-np.inf, 100), "100-499": (100, 500), "500-999": (500, 1000), ">= 1000": (1000, np.inf)}
    names = {name: f"{name}_premium" for name in ("average", "median", "max", "min")}
    described = len(values(rows, "description")) if has(lake, "postgresql/products", "description") else None
    return {
        "total_products": len(rows),
        "product_types": {name: len(group) for name, group in grouped(rows, "product_type").items()},
        "premium_statistics": statistics(premiums, **names)
        | {
            "premium_distribution": {
                band: sum(low <= premium < high for premium in premiums) for band, (low, high) in bands.items()
            }
        },
        "data_completeness": {"products_with_premium": len(premiums), "products_with_description": described},
        "as_of": as_of and as_of.replace(tzinfo=None),
        "data_issues": issues(lake, {"postgresql/products": ["base_premium"]}),
    }


def policy_overview(lake: Path, now: datetime, as_of: datetime | None = None) -> Json:
    rows = read_policies(lake)
    end = window_end(rows, now, as_of)
    catalogue = smallest(read(lake, "postgresql/products"), "id")
    for row in rows:
        row["type"] = catalogue.get(row.get("product_id") or "", {}).get("product_type")
    knows_status = has(lake, "postgresql/policies", "status")
    active = [row for row in rows if not knows_status or row["status"] in ACTIVE]
    expiring = [row for row in active if row.get("end_date") and end < row["end_date"] <= end + timedelta(days=30)]
    return {
        "total_policies": len(rows),
        "by_status": {name: len(group) for name, group in grouped(rows, "status").items()},
        **{
            f"{name}_statistics": {"total": total(values(rows, name))} | statistics(values(rows, name))
            for name in ("premium", "sum_insured")
        },
        "by_product_type": {
            name: {"policies": len(group), "total_premium": total(values(group, "premium"))}
            for name, group in grouped(rows, "type").items()
        },
        "active_policies": len(active) if knows_status else None,
        "expiring_next_30_days": len(expiring) if has(lake, "postgresql/policies", "end_date") else None,
        "top_agents": top_agents(rows),
        "as_of": end,
        "data_issues": issues(lake, {"postgresql/policies": ["premium", "sum_insured", "end_date", *DATES]}),
    }


def top_agents(policies: Iterable[Row]) -> list[Json]:
    agents: list[Json] = [
        {"agent_id": agent, "policies": len(group), "total_premium": total(values(group, "premium"))}
        for agent, group in grouped((row for row in policies if row["agent_id"]), "agent_id").items()
    ]
    return sorted(agents, key=lambda agent: (-agent["total_premium"], agent["agent_id"]))[:10]


def coverage_overview(lake: Path, now: datetime, as_of: datetime | None = None) -> Json:
    rows, policies = read(lake, "postgresql/policy_coverage"), read_policies(lake)
    named = Counter(row["policy_id"] for row in rows if row["policy_id"])
    return {
        "total_coverages": len(rows),
        "by_name": {name: coverage(group) for name, group in grouped(rows, "coverage_name").items()},
        "average_coverages_per_policy": quotient(sum(named.values()), len(named), 2),
        "policies_without_coverage": sum(row["id"] not in named for row in policies),
        "as_of": window_end(policies, now, as_of),
        "data_issues": issues(
            lake, {"postgresql/policy_coverage": ["coverage_limit", "deductible"], "postgresql/policies": DATES}
        ),
    }


def coverage(rows: Sequence[Row]) -> Json:
    both = [row for row in rows if row["coverage_limit"] is not None and row["deductible"] is not None]
    return {
        "count": len(rows),
        "average_limit": average(values(rows, "coverage_limit")),
        "average_deductible": average(values(rows, "deductible")),
        "deductible_ratio": quotient(sum(values(both, "deductible")), sum(values(both, "coverage_limit")), 4),
    }
