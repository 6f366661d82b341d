"""The reports on users, clients, agents and beneficiaries once more, in plain Python from the specification alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from statistics import fmean, median
from typing import Any

from support.journey_reference import percent, rounded
from support.lake_rules import bad_values, boolean, identifier, number, read_lake, text, time

Record = dict[str, Any]

PARSERS: Mapping[str, Callable[[object], Any]] = {
    **dict.fromkeys(("id", "user_id", "client_id", "agent_id", "customer_id"), identifier),
    **dict.fromkeys(("created_at", "birth_date", "start_date", "issue_date", "end_date"), time),
    "premium": number,
    "is_active": boolean,
}
BANDS = (("under 18", 17), ("18-25", 25), ("26-35", 35), ("36-45", 45), ("46-55", 55), ("56-65", 65))


def users(lake: Path, now: datetime, as_of: datetime | None = None) -> Record:
    """/mysql/analytics/users"""
    people = records(lake, "mysql/users")
    end = ended(as_of) or newest(people, now)
    emails = [person["email"].lower() for person in people if person["email"]]
    recent = [moment for moment in registered(people, end) if (end - moment).total_seconds() < 30 * 86400]
    return {
        "total_users": len(people),
        "users_by_role": by_group(people, "role"),
        "users_by_state": by_group(people, "state"),
        "recent_registrations": len(recent),
        "top_cities": top_cities(people),
        "monthly_registrations": by_month(registered(people, end), end, 12),
        "data_quality": {
            "missing_emails": len(people) - len(emails),
            "missing_phones": sum(1 for person in people if not person["phone"]),
            "duplicate_emails": len(emails) - len(set(emails)),
        },
        **tail(lake, end, {"mysql/users": ["created_at"]}),
    }


def demographics(lake: Path, now: datetime, as_of: datetime | None = None) -> Record:
    """/mysql/analytics/clients/demographics"""
    clients, people = records(lake, "mysql/clients"), records(lake, "mysql/users")
    end = ended(as_of) or newest(people, now)
    ages = [age(client["birth_date"], end) for client in clients]
    known = [years for years in ages if years is not None]
    state_of = smallest(people, "id", lambda person: upper(person["state"]))
    states = [state_of.get(client["user_id"]) or upper(client.get("state")) or "UNKNOWN" for client in clients]
    has_gender = "gender" in read_lake(lake, "mysql/clients")
    return {
        "total_clients": len(clients),
        "age_distribution": dict.fromkeys([*dict(BANDS), "65+"], 0) | dict(Counter(map(band, known))),
        "average_age": rounded(fmean(known), 2) if known else None,
        "median_age": rounded(median(known), 2) if known else None,
        "document_types": by_group(clients, "document_type"),
        "gender_distribution": by_group(clients, "gender") if has_gender else None,
        "clients_by_state": dict(Counter(states)),
        "missing_birth_dates": len(clients) - len(known),
        **tail(lake, end, {"mysql/clients": ["birth_date"], "mysql/users": ["created_at"]}),
    }


def agents(lake: Path, now: datetime, as_of: datetime | None = None) -> Record:
    """/mysql/analytics/agents/performance"""
    staff, policies = records(lake, "mysql/agents"), records(lake, "postgresql/policies")
    dates = [
        next((policy[name] for name in ("start_date", "issue_date", "created_at") if policy.get(name)), None)
        for policy in policies
    ]
    end = ended(as_of) or newest([{"created_at": moment} for moment in dates], now)
    active = sum(1 for agent in staff if agent["is_active"] is True)
    inactive = sum(1 for agent in staff if agent["is_active"] is False)
    columns = {
        name: smallest(staff, "id", itemgetter(name)) for name in ("code", "first_name", "last_name", "is_active")
    }
    sold: dict[str, list[Record]] = {}
    for policy in policies:
        sold.setdefault(policy["agent_id"], []).append(policy)
    entries = [
        agent_entry(key, {name: column.get(key) for name, column in columns.items()}, sold.get(key, []))
        for key in {agent["id"] for agent in staff if agent["id"]}
    ]
    entries.sort(
        key=lambda entry: (-entry["total_premium"], entry["name"] is None, entry["name"] or "", entry["agent_id"])
    )
    return {
        "total_agents": len(staff),
        "active_agents": active,
        "inactive_agents": inactive,
        "active_rate": percent(active, active + inactive),
        "agents": entries[:10],
        "without_policies": sum(1 for agent in staff if agent["id"] is None or agent["id"] not in sold),
        **tail(
            lake,
            end,
            {
                "mysql/agents": ["is_active"],
                "postgresql/policies": ["premium", "start_date", "issue_date", "created_at"],
            },
        ),
    }


def agent_entry(key: str, known: Record, own: Sequence[Record]) -> Record:
    """One agent of the list, with its own policies."""
    premiums = [policy["premium"] for policy in own if policy["premium"] is not None]
    name = " ".join(part for part in (known["first_name"], known["last_name"]) if part)
    return {
        "agent_id": key,
        "policies": len(own),
        "total_premium": rounded(sum(premiums), 2),
        "customers": len({policy["customer_id"] for policy in own if policy["customer_id"]}),
        "average_premium": rounded(fmean(premiums), 2) if premiums else None,
        "code": known["code"],
        "name": name or None,
        "is_active": known["is_active"],
    }


def relationships(lake: Path, now: datetime, as_of: datetime | None = None) -> Record:
    """/mysql/analytics/beneficiaries/relationships"""
    heirs, people = records(lake, "mysql/beneficiaries"), records(lake, "mysql/users")
    end = ended(as_of) or newest(people, now)
    ages: dict[str, list[int]] = {}
    for heir in heirs:
        years = age(heir["birth_date"], end)
        ages.setdefault(upper(heir["relationship"]) or "UNKNOWN", []).extend([] if years is None else [years])
    clients = [heir["client_id"] for heir in heirs if heir["client_id"]]
    return {
        "total_beneficiaries": len(heirs),
        "relationships": by_group(heirs, "relationship"),
        "clients_with_beneficiaries": len(set(clients)),
        "age_by_relationship": {
            name: {
                "minors": sum(1 for years in known if years < 18),
                "average_age": rounded(fmean(known), 2) if known else None,
            }
            for name, known in ages.items()
        },
        "average_beneficiaries_per_client": rounded(len(clients) / len(set(clients)), 2) if clients else None,
        **tail(lake, end, {"mysql/beneficiaries": ["birth_date"], "mysql/users": ["created_at"]}),
    }


def growth(lake: Path, now: datetime, as_of: datetime | None = None, months: int = 12) -> Record:
    """/mysql/analytics/growth-by-state"""
    people = records(lake, "mysql/users")
    end = ended(as_of) or newest(people, now)
    states: dict[str, Record] = {}
    for state in by_group(people, "state"):
        own = [person for person in people if (upper(person["state"]) or "UNKNOWN") == state]
        monthly = by_month(registered(own, end), end, months)
        states[state] = {
            "total": len(own),
            "monthly": monthly,
            "cumulative": len(registered(own, end)),
            "growth_rate": growth_rate(list(monthly.values())[:-1]),
        }
    rates = [(state, figures["growth_rate"]) for state, figures in states.items() if state != "UNKNOWN"]
    rates.sort(key=lambda item: (item[1] is None, -(item[1] or 0), item[0]))
    return {
        "months": months,
        "states": states,
        "fastest_growing": [{"state": state, "growth_rate": rate} for state, rate in rates[:10]],
        **tail(lake, end, {"mysql/users": ["created_at"]}),
    }


def growth_rate(whole_months: list[int]) -> float | None:
    """Second half over the first, without an odd oldest month."""
    even = whole_months[len(whole_months) % 2 :]
    first, second = sum(even[: len(even) // 2]), sum(even[len(even) // 2 :])
    return rounded(100 * (second - first) / first, 1) if first else None


def records(lake: Path, dataset: str) -> list[Record]:
    """A dataset's rows with parsed values, by column."""
    raw = read_lake(lake, dataset)
    return [
        {name: PARSERS.get(name, text)(cell) for name, cell in zip(raw.columns, row, strict=True)}
        for row in raw.itertuples(index=False, name=None)
    ]


def newest(rows: Iterable[Record], now: datetime) -> datetime:
    """The newest time not after the clock; the clock where there is none."""
    limit = now.replace(tzinfo=None)
    return max(
        (row["created_at"] for row in rows if row.get("created_at") and row["created_at"] <= limit), default=limit
    )


def ended(as_of: datetime | None) -> datetime | None:
    """The end that was asked for, in UTC without its zone."""
    return as_of.astimezone(UTC).replace(tzinfo=None) if as_of else None


def registered(people: Iterable[Record], end: datetime) -> list[datetime]:
    """The registrations that are not after the end of the window."""
    return [person["created_at"] for person in people if person["created_at"] and person["created_at"] <= end]


def upper(value: str | None) -> str | None:
    return value.upper() if value else None


def by_group(rows: Iterable[Record], column: str) -> dict[str, int]:
    return dict(Counter(upper(row[column]) or "UNKNOWN" for row in rows))


def top_cities(people: Iterable[Record]) -> dict[str, int]:
    cities = Counter(person["city"] for person in people if person["city"] not in (None, "UNKNOWN"))
    return dict(sorted(cities.items(), key=lambda item: (-item[1], item[0]))[:10])


def by_month(moments: Iterable[datetime], end: datetime, months: int) -> dict[str, int]:
    """Counts of each month of the window, the oldest first."""
    last = end.year * 12 + end.month - 1
    names = [f"{index // 12:04}-{index % 12 + 1:02}" for index in range(last - months + 1, last + 1)]
    found = Counter(f"{moment:%Y-%m}" for moment in moments)
    return {name: found[name] for name in names}


def age(born: datetime | None, end: datetime) -> int | None:
    """Completed years; None where there is no birth date or it is still to come."""
    if born is None or born > end:
        return None
    return end.year - born.year - ((end.month, end.day) < (born.month, born.day))


def band(years: int) -> str:
    return next((name for name, last in BANDS if years <= last), "65+")


def smallest(rows: Iterable[Record], key: str, value: Callable[[Record], Any]) -> dict[str, Any]:
    """The smallest value that is there, for each key."""
    found: dict[str, Any] = {}
    for row in rows:
        if row[key] is not None and value(row) is not None:
            found[row[key]] = min(found.get(row[key], value(row)), value(row))
    return found


def tail(lake: Path, end: datetime, columns: Mapping[str, Sequence[str]]) -> Record:
    """What every reply carries."""
    issues = [
        {"dataset": dataset, "column": column, "bad_values": bad}
        for dataset in sorted(columns)
        for column in sorted(columns[dataset])
        for raw in [read_lake(lake, dataset)]
        if column in raw and (bad := bad_values(raw[column], PARSERS[column]))
    ]
    return {"as_of": end, "data_issues": issues}
