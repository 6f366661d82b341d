"""Claims, payments and the audit trail once more, in plain Python from the specification alone."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from support.journey_reference import percent, rounded
from support.lake_rules import bad_values, identifier, number, read_lake, text, time

APPROVED = {"APROBADO", "APROBADA", "APPROVED"}
REJECTED = {"RECHAZADO", "RECHAZADA", "REJECTED"}

_PARSERS: dict[str, Callable[[object], Any]] = {
    "monto": number,
    "fecha_reclamo": time,
    "fecha_pago": time,
    "timestamp": time,
    "policy_number": identifier,
    "customer_id": identifier,
    "user_id": identifier,
}


class Lake:
    """What a report reads of a lake: columns as lists of values, and how many of them do not parse."""

    def __init__(self, folder: Path, **columns: str) -> None:
        self.issues: list[dict[str, Any]] = []
        self._values: dict[str, list[Any]] = {}
        for path, names in ((name.replace("__", "/"), names.split()) for name, names in columns.items()):
            raw = read_lake(folder, path)
            for name in sorted(names):
                parse = _PARSERS.get(name, text)
                self._values[f"{path.split('/')[1]}.{name}"] = [parse(value) for value in raw[name]]
                if parse in (number, time) and (bad := bad_values(raw[name], parse)):
                    self.issues.append({"dataset": path, "column": name, "bad_values": bad})

    def rows(self, *names: str) -> list[tuple[Any, ...]]:
        return list(zip(*(self._values[name] for name in names), strict=True))

    def column(self, name: str) -> list[Any]:
        return self._values[name]


def claims(folder: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of /cassandra/analytics/claims."""
    lake = Lake(folder, cassandra__reclamos="estado monto fecha_reclamo policy_number")
    states = [upper(value) for value in lake.column("reclamos.estado")]
    amounts = present(lake.column("reclamos.monto"))
    end = end_of(lake.column("reclamos.fecha_reclamo"), now, as_of)
    approved, rejected = (sum(state in words for state in states) for words in (APPROVED, REJECTED))
    return {
        "total_claims": len(states),
        "by_estado": dict(Counter(states)),
        "amount_statistics": {
            "total": rounded(math.fsum(amounts), 2),
            "average": mean(amounts, 2),
            "median": percentile(amounts, 50),
            "max": rounded(max(amounts, default=None), 2),
            "min": rounded(min(amounts, default=None), 2),
            "p90": percentile(amounts, 90),
            "p99": percentile(amounts, 99),
        },
        "approval_rate": percent(approved, approved + rejected),
        "monthly": monthly(lake.rows("reclamos.fecha_reclamo", "reclamos.monto"), end),
        "top_policies": top(lake.rows("reclamos.policy_number", "reclamos.monto"), "policy_number", "claims"),
        "outliers": outliers(amounts),
        "as_of": end,
        "data_issues": lake.issues,
    }


def payments(folder: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of /cassandra/analytics/payments."""
    lake = Lake(folder, cassandra__pagos="customer_id monto metodo_pago fecha_pago")
    amounts = present(lake.column("pagos.monto"))
    total = math.fsum(amounts)
    end = end_of(lake.column("pagos.fecha_pago"), now, as_of)
    by_method: dict[str, list[float | None]] = {}
    for method, amount in lake.rows("pagos.metodo_pago", "pagos.monto"):
        by_method.setdefault(upper(method), []).append(amount)
    return {
        "total_payments": len(lake.column("pagos.monto")),
        "total_amount": rounded(total, 2),
        "avg_monto": mean(amounts, 2),
        "median_monto": percentile(amounts, 50),
        "by_metodo_pago": {
            method: {
                "count": len(paid),
                "amount": rounded(math.fsum(present(paid)), 2),
                "share": rounded(math.fsum(present(paid)) / total, 4) if total else None,
            }
            for method, paid in by_method.items()
        },
        "monthly": monthly(lake.rows("pagos.fecha_pago", "pagos.monto"), end),
        "top_customers": top(lake.rows("pagos.customer_id", "pagos.monto"), "customer_id", "payments"),
        "payments_per_customer": per_distinct(lake.column("pagos.customer_id")),
        "as_of": end,
        "data_issues": lake.issues,
    }


def transaction_audit(folder: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of /cassandra/analytics/transaction-audit."""
    lake = Lake(folder, cassandra__transaction_audit="timestamp servicio operacion user_id")
    operations = [upper(value) for value in lake.column("transaction_audit.operacion")]
    end = end_of(lake.column("transaction_audit.timestamp"), now, as_of)
    times = [moment for moment in present(lake.column("transaction_audit.timestamp")) if moment <= end]
    days = [(end.date() - timedelta(days=back)).isoformat() for back in range(29, -1, -1)]
    dates = Counter(moment.date().isoformat() for moment in times)
    users = lake.column("transaction_audit.user_id")
    return {
        "total_transactions": len(operations),
        "by_servicio": dict(Counter(name or "UNKNOWN" for name in lake.column("transaction_audit.servicio"))),
        "by_operacion": dict(Counter(operations)),
        "unique_users": len(set(present(users))),
        "transactions_per_user": per_distinct(users),
        "hourly": {f"{hour:02d}": sum(moment.hour == hour for moment in times) for hour in range(24)},
        "daily": {day: dates[day] for day in days},
        "error_rate": percent(sum("ERROR" in name or "FAIL" in name for name in operations), len(operations)),
        "as_of": end,
        "data_issues": lake.issues,
    }


def upper(value: str | None) -> str:
    return value.upper() if value else "UNKNOWN"


def present(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def end_of(times: Iterable[datetime | None], now: datetime, as_of: datetime | None) -> datetime:
    """The end of the window: what is asked for, else the newest time not after the clock, else the clock."""
    if as_of is not None:
        return as_of.replace(tzinfo=None)
    clock = now.replace(tzinfo=None)
    return max((moment for moment in present(times) if moment <= clock), default=clock)


def mean(values: Sequence[float], digits: int) -> float | None:
    return rounded(math.fsum(values) / len(values), digits) if values else None


def percentile(values: Sequence[float], percent_below: int) -> float | None:
    return rounded(float(np.percentile(values, percent_below)), 2) if values else None


def outliers(amounts: Sequence[float]) -> int:
    if not amounts:
        return 0
    p25, p75 = np.percentile(amounts, [25, 75])
    # The last bit of a double makes no outlier.
    return sum(round(amount, 6) > round(float(p75 + 3 * (p75 - p25)), 6) for amount in amounts)


def per_distinct(keys: Iterable[str | None]) -> float | None:
    known = present(keys)
    return rounded(len(known) / len(set(known)), 2) if known else None


def months_to(end: datetime, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(end=pd.Period(end, "M"), periods=count, freq="M")]


def monthly(rows: list[tuple[datetime | None, float | None]], end: datetime) -> dict[str, dict[str, Any]]:
    """Count and amount of the twelve months up to the end."""
    kept: dict[str, list[float | None]] = {month: [] for month in months_to(end, 12)}
    for moment, amount in rows:
        if moment is not None and moment <= end and (month := f"{moment:%Y-%m}") in kept:
            kept[month].append(amount)
    return {
        month: {"count": len(amounts), "amount": rounded(math.fsum(present(amounts)), 2)}
        for month, amounts in kept.items()
    }


def top(rows: list[tuple[str | None, float | None]], key: str, count: str) -> list[dict[str, Any]]:
    """The ten with the highest amount."""
    amounts: dict[str, list[float | None]] = {}
    for name, amount in rows:
        if name is not None:
            amounts.setdefault(name, []).append(amount)
    ranked = sorted(
        (-(rounded(math.fsum(present(given)), 2) or 0), name, len(given)) for name, given in amounts.items()
    )
    return [{key: name, count: rows, "amount": -amount} for amount, name, rows in ranked[:10]]
