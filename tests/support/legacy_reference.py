"""The three legacy figures once more, in plain Python from the specification alone."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from support.journey_reference import rounded
from support.lake_rules import number, read_lake, text


def claim_stats(lake: Path, _now: datetime) -> dict[str, Any]:
    """Claims by lower-cased state; the four documented ones are always there."""
    states = [text(raw) for raw in read_lake(lake, "cassandra/reclamos")["estado"]]
    counts = Counter((state or "unknown").lower() for state in states)
    documented = dict.fromkeys(("aprobado", "pendiente", "rechazado", "en_revision"), 0)
    return {"claims_by_estado": documented | dict(counts)}


def average_payment(lake: Path, _now: datetime) -> dict[str, Any]:
    """The mean of the amounts that are there."""
    amounts = [number(raw) for raw in read_lake(lake, "cassandra/pagos")["monto"]]
    present = [amount for amount in amounts if amount is not None]
    return {"avg_monto": rounded(sum(present) / len(present), 2) if present else None}


def top_services(lake: Path, _now: datetime) -> dict[str, Any]:
    """The five services with most rows, ties by name."""
    names = [text(raw) for raw in read_lake(lake, "cassandra/transaction_audit")["servicio"]]
    counts = Counter(name for name in names if name)
    first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    return {"services": [{"servicio": name, "transactions": rows} for name, rows in first]}
