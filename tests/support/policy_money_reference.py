"""Profitability of products and trends of policies once more, from the specification alone."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import numpy as np

from support.journey_reference import rounded
from support.policies_reference import (
    APPROVED,
    DATES,
    Json,
    Row,
    average,
    has,
    issues,
    quotient,
    read,
    read_policies,
    smallest,
    total,
    values,
    window_end,
)

CANCELLED = ("CANCELLED", "CANCELED", "CANCELADA", "CANCELADO", "ANULADA", "ANULADO")


def product_profitability(lake: Path, now: datetime, as_of: datetime | None = None) -> Json:
    policies, claims = read_policies(lake), read(lake, "cassandra/reclamos")
    products_of_claims = smallest(policies, "policy_number")
    sold, claimed = defaultdict(list), defaultdict(list)
    for policy in policies:
        sold[policy["product_id"]].append(policy)
    for claim in claims:
        claimed[products_of_claims.get(claim["policy_number"], {}).get("product_id")].append(claim)
    products = [
        product(key, row, sold[key], claimed[key])
        for key, row in smallest(read(lake, "postgresql/products"), "id").items()
    ]

    def by(figure: Callable[[Json], float]) -> list[Json]:
        return sorted(products, key=lambda entry: (figure(entry), *name_of(entry)))

    return {
        "products": sorted(products, key=name_of),
        "top_products_by_volume": by(lambda entry: -entry["policy_number_count"])[:10],
        "top_products_by_premium": by(lambda entry: -entry["total_premium"])[:10],
        "most_profitable": by(lambda entry: -entry["profit"])[:10],
        "least_profitable": by(lambda entry: entry["profit"])[:10],
        "as_of": window_end(policies, now, as_of),
        "data_issues": issues(
            lake, {"postgresql/policies": ["premium", "sum_insured", *DATES], "cassandra/reclamos": ["monto"]}
        ),
    }


def name_of(entry: Json) -> tuple[bool, str, str]:
    """Where it comes by name: those without one last."""
    return entry["name"] is None, entry["name"] or "", entry["product_id"]


def product(key: str, row: Row, policies: list[Row], claims: list[Row]) -> Json:
    premiums = values(policies, "premium")
    paid = sum(values((claim for claim in claims if claim["estado"] in APPROVED), "monto"))
    return {
        "product_id": key,
        "code": row.get("code"),
        "name": row.get("name"),
        "product_type": row.get("product_type") or "UNKNOWN",
        "policy_number_count": len(policies),
        "total_premium": total(premiums),
        "average_premium": average(premiums),
        "total_sum_insured": total(values(policies, "sum_insured")),
        "claims": len(claims),
        "claims_amount": total([paid]),
        "loss_ratio": quotient(paid, sum(premiums), 4),
        "profit": total([sum(premiums), -paid]),
    }


def policy_trends(lake: Path, now: datetime, as_of: datetime | None = None, months: int = 12) -> Json:
    policies = read_policies(lake)
    end = window_end(policies, now, as_of)
    last = month_of(end)
    by_month: dict[int, list[Row]] = defaultdict(list)
    for policy in policies:
        if policy["date"] and policy["date"] <= end:
            by_month[month_of(policy["date"])].append(policy)
    first = min(by_month, default=last)
    window = range(last - months + 1, last + 1)
    knows_status = has(lake, "postgresql/policies", "status")
    return {
        "months": months,
        "monthly": [one_month(month, by_month.get(month, []), knows_status) for month in window],
        "growth": {
            "policies_rate": growth([len(by_month.get(month, [])) for month in window[:-1]]),
            "premium_rate": growth([sum(values(by_month.get(month, []), "premium")) for month in window[:-1]]),
        },
        "seasonality": seasonality({m: len(by_month.get(m, [])) for m in range(last - 24, last)}, first),
        "forecast_next_month": forecast(
            [(month, len(by_month.get(month, []))) for month in window[:-1] if month >= first], last + 1
        ),
        "as_of": end,
        "data_issues": issues(lake, {"postgresql/policies": ["premium", *DATES]}),
    }


def month_of(moment: datetime) -> int:
    """Months since the year 0."""
    return moment.year * 12 + moment.month - 1


def one_month(month: int, policies: list[Row], knows_status: bool) -> Json:
    premiums = values(policies, "premium")
    return {
        "month": f"{month // 12:04}-{month % 12 + 1:02}",
        "policies": len(policies),
        "total_premium": total(premiums),
        "average_premium": average(premiums),
        "cancelled": sum(policy["status"] in CANCELLED for policy in policies) if knows_status else None,
    }


def growth(whole: list[float]) -> float | None:
    half = len(whole) // 2
    if not half:
        return None
    older, newer = sum(whole[-2 * half : -half]), sum(whole[-half:])
    return quotient(100 * (newer - older), older, 1)


def seasonality(counts: dict[int, int], first: int) -> Json:
    if first > min(counts) or not sum(counts.values()):
        return {}
    overall = np.mean(list(counts.values()))
    return {
        f"{place + 1:02}": rounded(
            float(np.mean([count for m, count in counts.items() if m % 12 == place]) / overall), 2
        )
        for place in range(12)
    }


def forecast(points: Iterable[tuple[int, int]], following: int) -> Json | None:
    points = list(points)
    if len(points) < 4:
        return None
    x, y = np.array([point[0] - following for point in points], float), np.array([point[1] for point in points], float)
    slope, level = np.polyfit(x, y, 1)
    spread = 1.96 * np.sqrt(sum((y - level - slope * x) ** 2) / (len(points) - 2))
    return {
        name: rounded(max(0.0, float(value)), 2)
        for name, value in (("policies", level), ("lower", level - spread), ("upper", level + spread))
    }
