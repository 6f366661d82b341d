"""The reports across mysql, postgresql and cassandra once more, in pandas from the specification alone."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from support.cross_tables import APPROVED, Lake, as_of_or_newest, issues_of
from support.journey_reference import percent, rounded

AGE_GROUPS = ("under 18", "18-25", "26-35", "36-45", "46-55", "56-65", "65+")
BANDS = ("< 10000", "10000-49999", "50000-99999", ">= 100000")
POLICY_DATES = ["start_date", "issue_date", "created_at"]


def customer_policy_profile(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of the reply."""
    data = Lake(lake)
    policies, customers = data.policies, data.customers
    end = as_of_or_newest(as_of, now, [policies["date"]])
    known = policies[policies["customer_id"].isin(customers.index)].copy()
    per_customer = known.groupby("customer_id").size()
    sizes = Counter(str(number) if number < 3 else "3+" for number in per_customer)
    known["state"] = known["customer_id"].map(data.state_of_customer)
    births = customers["birth_date"].to_dict()
    known["age_group"] = [age_group(births[customer], end) for customer in known["customer_id"]]
    return {
        "customers_with_policies": len(per_customer),
        "customers_without_policies": len(customers) - len(per_customer),
        "policies_per_customer": {size: sizes[size] for size in ("1", "2", "3+")},
        "by_state": {state: group_figures(group) for state, group in known.groupby("state")},
        "by_age_group": dict.fromkeys(AGE_GROUPS, group_figures(known.iloc[:0]))
        | {ages: group_figures(group) for ages, group in known.groupby("age_group")},
        "high_value_customers": high_value_customers(known, data),
        "as_of": end,
        "data_issues": issues_of(
            data,
            {"mysql/clients": ["birth_date"], "postgresql/policies": ["premium", "sum_insured", *POLICY_DATES]},
        ),
    }


def agent_performance(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of the reply."""
    data = Lake(lake)
    policies, agents = data.policies, data.agents
    claims = data.claims.assign(
        agent_id=data.claims["policy_number"].map(data.contracts["agent_id"]),
        approved=data.claims["estado"].isin(APPROVED),
    )
    rows = []
    for agent_id, agent in agents.iterrows():
        own, claimed = policies[policies["agent_id"] == agent_id], claims[claims["agent_id"] == agent_id]
        customers = own["customer_id"].dropna()
        several = customers.value_counts()
        states = {data.state_of_customer.get(customer) for customer in customers} - {"UNKNOWN", None}
        row = {
            "agent_id": agent_id,
            "code": agent["code"] if isinstance(agent["code"], str) else None,
            "name": full_name(agent),
            "is_active": None if pd.isna(agent["is_active"]) else bool(agent["is_active"]),
            **money_and_claims(own, claimed),
            "average_premium": mean(own["premium"]),
            "states": len(states),
            "retention_rate": percent(int((several >= 2).sum()), len(several)),
        }
        rows.append(row)
    rows.sort(key=lambda row: (-row["total_premium"], row["name"] is None, row["name"], row["agent_id"]))
    totals = money_and_claims(
        policies[policies["agent_id"].isin(agents.index)], claims[claims["agent_id"].isin(agents.index)]
    )
    inactive = [row for row in rows if row["is_active"] is False and row["policies"]]
    return {
        "agents": [row | {"rank": rank} for rank, row in enumerate(rows, 1)],
        "totals": {"agents": len(agents)} | totals,
        "inactive_agents_with_policies": len(inactive),
        "as_of": as_of_or_newest(as_of, now, [policies["date"]]),
        "data_issues": issues_of(
            data,
            {
                "cassandra/reclamos": ["monto"],
                "mysql/agents": ["is_active"],
                "postgresql/policies": ["premium", *POLICY_DATES],
            },
        ),
    }


def claims_vs_policies(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of the reply."""
    data = Lake(lake)
    product_type = data.products["product_type"]

    def grouped(table: pd.DataFrame) -> pd.DataFrame:
        kind = [value if isinstance(value, str) else "UNKNOWN" for value in table["product_id"].map(product_type)]
        return table.assign(kind=kind, band=[band(value) for value in table["sum_insured"]])

    policies, contracts = grouped(data.policies), grouped(data.contracts)
    is_known = data.claims["policy_number"].isin(contracts.index)
    claims = data.claims[is_known]
    claims = claims.assign(
        approved=claims["estado"].isin(APPROVED),
        kind=claims["policy_number"].map(contracts["kind"]),
        band=claims["policy_number"].map(contracts["band"]),
    )

    def by(column: str, groups: Iterable[str]) -> dict[str, Any]:
        return {
            group: {"policies": int((policies[column] == group).sum()), "claims": int((claims[column] == group).sum())}
            | claim_rates(policies[policies[column] == group], claims[claims[column] == group])
            for group in groups
        }

    return {
        "total_policies": len(policies),
        "policies_with_claims": claims["policy_number"].nunique(),
        **claim_rates(policies, claims),
        "by_product_type": by("kind", set(policies["kind"])),
        "by_sum_insured_band": by("band", {*BANDS, *policies["band"]}),
        "claims_without_policy": int((~is_known).sum()),
        "as_of": as_of_or_newest(as_of, now, [policies["date"], data.claims["fecha_reclamo"]]),
        "data_issues": issues_of(
            data,
            {
                "cassandra/reclamos": ["fecha_reclamo", "monto"],
                "postgresql/policies": ["premium", "sum_insured", *POLICY_DATES],
            },
        ),
    }


def group_figures(policies: pd.DataFrame) -> dict[str, Any]:
    """A group of the customer profile."""
    return {
        "customers": policies["customer_id"].nunique(),
        "policies": len(policies),
        "average_premium": mean(policies["premium"]),
        "average_sum_insured": mean(policies["sum_insured"]),
    }


def high_value_customers(known: pd.DataFrame, data: Lake) -> list[dict[str, Any]]:
    """The ten that pay most."""
    names = dict(zip(data.customers.index, map(full_name, data.customers.to_dict("records")), strict=True))
    rows: list[dict[str, Any]] = [
        {
            "customer_id": customer_id,
            "name": names[customer_id],
            "policies": len(own),
            "total_premium": total(own["premium"]),
        }
        for customer_id, own in known.groupby("customer_id")
    ]
    return sorted(rows, key=lambda row: (-row["total_premium"], row["name"] is None, row["name"], row["customer_id"]))[
        :10
    ]


def money_and_claims(policies: pd.DataFrame, claims: pd.DataFrame) -> dict[str, Any]:
    """What agents and their totals share."""
    approved = claims[claims["approved"]]["monto"]
    return {
        "policies": len(policies),
        "customers": policies["customer_id"].nunique(),
        "total_premium": total(policies["premium"]),
        "claims": len(claims),
        "approved_amount": total(approved),
        "loss_ratio": quotient(exact_sum(approved), exact_sum(policies["premium"]), 4),
    }


def claim_rates(policies: pd.DataFrame, claims: pd.DataFrame) -> dict[str, Any]:
    """Frequency, severity and loss of a group."""
    approved = claims[claims["approved"]]["monto"].dropna()
    return {
        "claim_frequency": quotient(100 * len(claims), len(policies), 2),
        "average_severity": mean(approved),
        "loss_ratio": quotient(exact_sum(approved), exact_sum(policies["premium"]), 4),
    }


def full_name(person: Mapping[Any, Any] | pd.Series) -> str | None:
    return " ".join(part for part in (person["first_name"], person["last_name"]) if isinstance(part, str)) or None


def age_group(birth: pd.Timestamp, end: datetime) -> str:
    if pd.isna(birth) or birth > end:
        return "UNKNOWN"
    age = end.year - birth.year - ((end.month, end.day) < (birth.month, birth.day))
    bounds = (18, 26, 36, 46, 56, 66)
    return AGE_GROUPS[sum(age >= bound for bound in bounds)]


def band(sum_insured: float) -> str:
    if pd.isna(sum_insured):
        return "UNKNOWN"
    return BANDS[sum(sum_insured >= bound for bound in (10_000, 50_000, 100_000))]


def exact_sum(values: pd.Series) -> float:
    return math.fsum(values.dropna())


def total(values: pd.Series) -> float:
    return rounded(exact_sum(values), 2) or 0.0


def mean(values: pd.Series) -> float | None:
    return quotient(exact_sum(values), int(values.count()), 2)


def quotient(part: float, whole: float, digits: int) -> float | None:
    return rounded(part / whole, digits) if whole else None
