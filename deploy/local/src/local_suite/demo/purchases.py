"""Purchases of a shop's customers over two years, from those who come weekly to those who came once and left."""

from datetime import date, timedelta

from local_suite.demo.people import Table
from local_suite.demo.seeds import numbers

CUSTOMERS = 1_500
_DAYS = 730


def purchases(until: date) -> Table:
    """Makes one row per purchase, oldest first; a few rows are broken or have no amount."""
    random = numbers("purchases")
    rows: list[tuple[str, str, str]] = []
    for customer in range(1, CUSTOMERS + 1):
        # Purchases a month, their usual size, when the customer came and when interest ended.
        rate, size = random.gamma(0.8, 0.9), random.lognormal(4.0, 0.7)
        came = int(random.uniform(0, _DAYS))
        left = min(came + int(random.exponential(420)), _DAYS)
        days = {came, *(int(day) for day in random.uniform(came, left, random.poisson(rate * (left - came) / 30.4)))}
        for day in days:
            amount = (
                f"{size * random.lognormal(0.0, 0.4):.2f}" if random.random() > 0.004 else random.choice(["", "-15.00"])
            )
            when = until - timedelta(_DAYS - min(day, _DAYS))
            clock = f"{random.integers(9, 22):02d}:{random.integers(60):02d}:{random.integers(60):02d}"
            rows.append((f"C{customer:05d}", f"{when}T{clock}Z", str(amount)))
    rows.sort(key=lambda row: (row[1], row[0]))
    return ("id_cuenta", "fecha", "monto"), [tuple(row) for row in rows]
