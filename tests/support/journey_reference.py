"""The customer journey once more, in pandas from the specification alone."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from support.lake_rules import bad_values, identifier, read_lake, text, time

DATES = {
    "mysql/users": ["created_at"],
    "mysql/clients": ["created_at"],
    "postgresql/policies": ["created_at", "issue_date", "start_date"],
    "cassandra/reclamos": ["fecha_reclamo"],
}


def rounded(value: float | None, digits: int) -> float | None:
    """Halves away from zero; a float that means a half but stands a little below it is one, the more so the larger."""
    if value is None or pd.isna(value):
        return None
    places = next((places for places, below in ((9, 1e5), (7, 1e7), (5, 1e10)) if abs(value) < below), 4)
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return float(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def percent(part: int, whole: int) -> float | None:
    """Per cent with one decimal; None where there is no whole."""
    return rounded(100 * part / whole, 1) if whole else None


def customer_journey(lake: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of the reply."""
    raw = {name: read_lake(lake, name) for name in DATES}
    issues = [
        {"dataset": name, "column": column, "bad_values": bad}
        for name in sorted(raw)
        for column in DATES[name]
        if column in raw[name] and (bad := bad_values(raw[name][column], time))
    ]
    users = parsed(raw["mysql/users"], ["id"], ["created_at"], ["state"])
    users["state"] = [value.upper() if isinstance(value, str) else None for value in users["state"]]
    clients = parsed(raw["mysql/clients"], ["id", "user_id"], ["created_at"])
    clients["key"] = clients["id"] if "id" in raw["mysql/clients"] else clients["user_id"]
    policies = parsed(
        raw["postgresql/policies"], ["policy_number", "customer_id"], ["created_at", "start_date", "issue_date"]
    )
    claims = parsed(raw["cassandra/reclamos"], ["policy_number"], ["fecha_reclamo"])
    dated(policies)

    times = pd.concat([users["created_at"], policies["date"], claims["fecha_reclamo"]]).dropna()
    newest = times[times <= pd.Timestamp(now.replace(tzinfo=None))].max()
    end = pd.Timestamp(as_of.replace(tzinfo=None)) if as_of else newest

    people, customers = smallest(users, "id"), smallest(clients, "key")
    contracts = dated(smallest(policies, "policy_number"))

    in_clients = set(clients["user_id"].dropna())
    holder_keys = set(policies["customer_id"].dropna())
    claimed = set(claims["policy_number"].dropna())
    holders = {row.user_id for row in customers.itertuples() if row.Index in holder_keys}
    claimant_keys = {row.customer_id for row in contracts.itertuples() if row.Index in claimed}
    claimants = {row.user_id for row in customers.itertuples() if row.Index in claimant_keys}

    people["state"] = [value if isinstance(value, str) else "UNKNOWN" for value in people["state"]]
    ids = set(people.index)
    total, first, second, third = len(ids), len(ids & in_clients), len(ids & holders), len(ids & claimants)
    by_state = {}
    for state, group in people.groupby("state"):
        with_policies = len(set(group.index) & holders)
        by_state[state] = {
            "total_users": len(group),
            "with_policies": with_policies,
            "conversion_rate": percent(with_policies, len(group)),
        }

    first_policy = policies[policies["date"] <= end].groupby("customer_id")["date"].min()
    first_claim = claims[claims["fecha_reclamo"] <= end].groupby("policy_number")["fecha_reclamo"].min()
    return {
        "conversion_funnel": {
            "total_users": total,
            "users_to_clients": first,
            "clients_to_policyholders": second,
            "policyholders_to_claimants": third,
            "conversion_rates": {
                "user_to_client": percent(first, total),
                "client_to_policy": percent(second, first),
                "policy_to_claim": percent(third, second),
                "overall_conversion": percent(second, total),
            },
        },
        "journey_timing": {
            "avg_days_user_to_client": days(
                customers["user_id"].map(people["created_at"]), customers["created_at"], end
            ),
            "avg_days_client_to_policy": days(customers["created_at"], first_policy.reindex(customers.index), end),
            "avg_days_policy_to_claim": days(contracts["date"], first_claim.reindex(contracts.index), end),
        },
        "customer_segments": {"by_state": by_state},
        "as_of": end.to_pydatetime(),
        "data_issues": issues,
    }


def parsed(raw: pd.DataFrame, ids: list[str], times: list[str], texts: list[str] | None = None) -> pd.DataFrame:
    """The columns that count, as values."""
    missing = pd.Series([None] * len(raw), index=raw.index, dtype=object)
    columns: dict[str, Any] = {name: raw.get(name, missing).map(identifier) for name in ids}
    columns |= {name: raw.get(name, missing).map(text) for name in texts or []}
    columns |= {name: pd.to_datetime(raw.get(name, missing).map(time).astype("datetime64[us]")) for name in times}
    return pd.DataFrame(columns)


def dated(policies: pd.DataFrame) -> pd.DataFrame:
    """Adds the date that the journey takes, row by row."""
    policies["date"] = policies["created_at"].fillna(policies["start_date"]).fillna(policies["issue_date"])
    return policies


def smallest(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Each key once, with the smallest value of each column."""

    keys = sorted(table[key].dropna().unique())
    columns = {
        name: table[[key, name]].dropna().sort_values(name).drop_duplicates(key).set_index(key)[name].reindex(keys)
        for name in table.columns
        if name != key
    }
    return pd.DataFrame(columns, index=keys)


def days(start: pd.Series, end: pd.Series, as_of: pd.Timestamp) -> float | None:
    """Mean days of the pairs that are in order and not after as_of."""
    start, end = pd.to_datetime(start), pd.to_datetime(end)
    good = start.notna() & end.notna() & (start <= end) & (end <= as_of)
    lengths = [
        (pd.Timestamp(b) - pd.Timestamp(a)).total_seconds() / 86400 for a, b in zip(start[good], end[good], strict=True)
    ]
    return rounded(sum(lengths) / len(lengths), 2) if lengths else None
