"""Activity patterns and the correlation of claims and payments once more, from the specification alone."""

import bisect
import math
import statistics
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from support.activity_reference import Lake, end_of, months_to, present
from support.journey_reference import rounded

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def activity_patterns(
    folder: Path, now: datetime, as_of: datetime | None = None, *, hours: int = 168
) -> dict[str, Any]:
    """The figures of /cassandra/analytics/activity-patterns."""
    lake = Lake(folder, cassandra__transaction_audit="timestamp servicio")
    end = end_of(lake.column("transaction_audit.timestamp"), now, as_of)
    start = hour_of(end) - (hours - 1) * HOUR
    rows = [row for row in lake.rows("transaction_audit.timestamp", "transaction_audit.servicio") if row[0]]
    seen = [(moment, service) for moment, service in rows if start <= moment <= end]
    by_hour = {hour: sum(moment.hour == hour for moment, _ in seen) for hour in range(24)}
    return {
        "hours": hours,
        "window": {"from": start, "to": end},
        "total_events": len(seen),
        "by_hour_of_day": {f"{hour:02d}": count for hour, count in by_hour.items()},
        "by_weekday": {str(day): sum(moment.isoweekday() == day for moment, _ in seen) for day in range(1, 8)},
        "peak_hour": max(by_hour, key=lambda hour: (by_hour[hour], -hour)) if seen else None,
        "quiet_hour": min(by_hour, key=lambda hour: (by_hour[hour], hour)) if seen else None,
        "by_servicio": dict(Counter(service or "UNKNOWN" for _, service in seen)),
        "anomalies": anomalies([moment for moment, _ in rows if moment <= end], start, hours),
        "as_of": end,
        "data_issues": lake.issues,
    }


def anomalies(times: list[datetime], start: datetime, hours: int) -> list[dict[str, Any]]:
    counts = Counter(hour_of(moment) for moment in times)
    oldest = min(counts, default=start)
    found = []
    for hour in (start + place * HOUR for place in range(hours - 1)):
        past = []
        before = hour - WEEK
        while before >= oldest:
            if before < start:
                past.append(counts[before])
            before -= WEEK
        if len(past) < 4:
            continue
        expected = statistics.mean(past)
        score = rounded((counts[hour] - expected) / max(statistics.stdev(past), 1), 2)
        if score is not None and abs(score) >= 3:
            found.append(
                {"hour_start": hour, "events": counts[hour], "expected": rounded(expected, 2), "z_score": score}
            )
    return found


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def claims_payments_correlation(folder: Path, now: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """The figures of /cassandra/analytics/claims-payments-correlation."""
    lake = Lake(
        folder,
        postgresql__policies="policy_number customer_id",
        cassandra__pagos="customer_id monto fecha_pago",
        cassandra__reclamos="policy_number monto fecha_reclamo",
    )
    claim_times, payment_times = lake.column("reclamos.fecha_reclamo"), lake.column("pagos.fecha_pago")
    end = end_of([*claim_times, *payment_times], now, as_of)
    customer_of: dict[str, str] = {}
    for policy, customer in lake.rows("policies.policy_number", "policies.customer_id"):
        if policy and customer:
            customer_of[policy] = min(customer, customer_of.get(policy, customer))
    claimants = [customer_of.get(policy) for policy in lake.column("reclamos.policy_number")]
    payers = lake.column("pagos.customer_id")
    claimed = totals(claimants, lake.column("reclamos.monto"))
    paid = totals(payers, lake.column("pagos.monto"))
    both = pd.DataFrame({"claimed": claimed, "paid": paid}).dropna().sort_index()
    months = months_to(end, 12)
    return {
        "customers_with_both": len(both),
        "pearson": correlation(both["claimed"], both["paid"]),
        "spearman": correlation(both["claimed"].rank(), both["paid"].rank()),
        "monthly_correlation": correlation(
            monthly_totals(claim_times, lake.column("reclamos.monto"), months, end),
            monthly_totals(payment_times, lake.column("pagos.monto"), months, end),
        ),
        "payment_to_claim_ratio": rounded(both["paid"].sum() / both["claimed"].sum(), 4)
        if both["claimed"].sum()
        else None,
        "lag_days_median": median_lag(claimants, claim_times, payers, payment_times, end),
        "quadrants": quadrants(both),
        "as_of": end,
        "data_issues": sorted(lake.issues, key=lambda issue: (issue["dataset"], issue["column"])),
    }


def totals(keys: list[str | None], amounts: list[float | None]) -> "pd.Series[float]":
    by_key: dict[str, list[float]] = {}
    for key, amount in zip(keys, amounts, strict=True):
        if key is not None and amount is not None:
            by_key.setdefault(key, []).append(amount)
    return pd.Series({key: round(math.fsum(given), 6) for key, given in by_key.items()}, dtype=float)


def monthly_totals(
    times: list[datetime | None], amounts: list[float | None], months: list[str], end: datetime
) -> "pd.Series[float]":
    keys = [f"{moment:%Y-%m}" if moment and moment <= end else None for moment in times]
    return totals(keys, amounts).reindex(months).fillna(0)


def correlation(left: "pd.Series[float]", right: "pd.Series[float]") -> float | None:
    if len(left) < 2 or left.nunique() < 2 or right.nunique() < 2:
        return None
    return rounded(float(np.corrcoef(left, right)[0, 1]), 4)


def median_lag(
    claimants: list[str | None],
    claimed_at: list[datetime | None],
    payers: list[str | None],
    paid_at: list[datetime | None],
    end: datetime,
) -> float | None:
    payments: dict[str, list[datetime]] = {}
    for payer, moment in zip(payers, paid_at, strict=True):
        if payer and moment and moment <= end:
            bisect.insort(payments.setdefault(payer, []), moment)
    lags = []
    for claimant, moment in zip(claimants, claimed_at, strict=True):
        if claimant and moment and moment <= end:
            known = payments.get(claimant, [])
            place = bisect.bisect_left(known, moment)
            if place < len(known):
                lags.append((known[place] - moment) / timedelta(days=1))
    return rounded(statistics.median(present(lags)), 2) if lags else None


def quadrants(both: pd.DataFrame) -> dict[str, int]:
    much_claimed = both["claimed"] > both["claimed"].median()
    much_paid = both["paid"] > both["paid"].median()
    return {
        f"{'high' if claims else 'low'}_claims_{'high' if paid else 'low'}_payments": int(
            ((much_claimed == claims) & (much_paid == paid)).sum()
        )
        for claims in (True, False)
        for paid in (True, False)
    }
