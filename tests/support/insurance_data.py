"""Small insurance datasets, made at random from a seed, clean or as dirty as real ones are."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

Rows = list[dict[str, str]]

_END = datetime(2024, 10, 4, 20, 39, 8, tzinfo=UTC)
_STATES = ("LIMA", "CUSCO", "PIURA", "ÁNCASH")
_JUNK = ("NULL", "n/a", "nan", "1_000", "2024-1-5", "2024-02-30", "12,5", "?")


def insurance_files(seed: int, *, users: int = 120, dirty: bool = False) -> dict[str, bytes]:
    """The datasets of the reports as CSV files by their path in the lake."""
    random = Random(seed)  # noqa: S311
    tables = _tables(random, users)
    spoil = _spoiler(random) if dirty else None
    return {path: _csv(rows, random, spoil) for path, rows in tables.items()}


def _tables(random: Random, users: int) -> dict[str, Rows]:
    people = [
        {"id": str(number), "state": random.choice(_STATES), "created_at": _time(random, 900)}
        for number in range(1, users + 1)
    ]
    clients = [
        {"user_id": person["id"], "id": str(1000 + int(person["id"])), "created_at": _time(random, 700)}
        for person in random.sample(people, users * 3 // 4)
    ]
    policies: Rows = [
        {
            "id": str(number),
            "policy_number": f"POL-{number:04d}",
            "customer_id": random.choice(clients)["id"],
            "premium": str(round(random.uniform(10, 900), 2)),
            "start_date": _time(random, 500)[:10],
            "created_at": _time(random, 500),
        }
        for number in range(1, users * 5 // 4)
    ]
    claims = [
        {
            "id": str(number),
            "policy_number": random.choice(policies)["policy_number"],
            "estado": random.choice(("aprobado", "pendiente", "rechazado", "en_revision")),
            "monto": str(round(random.uniform(1, 5000), 2)),
            "fecha_reclamo": _time(random, 300),
        }
        for number in range(users)
    ]
    payments = [
        {
            "id": str(number),
            "customer_id": random.choice(clients)["id"],
            "monto": str(round(random.lognormvariate(5, 1), 2)),
            "metodo_pago": "yape",
            "fecha_pago": _time(random, 600),
        }
        for number in range(users * 5)
    ]
    return {
        "mysql/users/users.csv": people,
        "mysql/clients/clients.csv": clients,
        "postgresql/policies/policies.csv": policies,
        "cassandra/reclamos/reclamos.csv": claims,
        "cassandra/pagos/pagos.csv": payments,
    }


def _time(random: Random, days: int) -> str:
    moment = _END - timedelta(seconds=int(random.random() ** 2 * days * 86400))
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _spoiler(random: Random) -> Callable[[str, str], str]:
    """Changes a cell now and then, in the ways that exports, people and other systems do."""

    def spoil(column: str, value: str) -> str:
        chance = random.random()
        if chance > 0.25:
            return value
        if chance < 0.03:
            return random.choice(("", " ", "\u00a0"))
        if chance < 0.06:
            return random.choice(_JUNK)
        if column.endswith("id") and chance < 0.10:
            return f"{value}.0"
        if column.endswith(("_at", "_date", "fecha_reclamo", "fecha_pago")) and "T" in value:
            return random.choice(
                (
                    value + "Z",
                    value + "-05:00",
                    value.replace("T", " ") + ".25",
                    value[:16],
                    "2099-01-01",
                    value + "+0530",
                )
            )
        if column in ("monto", "premium") and chance < 0.15:
            return random.choice(("-5", "0", "1e3", "+7.", ".5"))
        if column.endswith("id") and chance < 0.14:
            return "nobody"
        return random.choice((value.lower(), value.upper(), f"  {value}\t"))

    return spoil


def _csv(rows: Rows, random: Random, spoil: Callable[[str, str], str] | None) -> bytes:
    columns = list(rows[0])
    if spoil is None:
        return _write([columns, *([row[column] for column in columns] for row in rows)], "\n")
    # Some rows twice, some of them cut short or too long.
    kept = [row for row in rows for _ in range(2 if random.random() < 0.05 else 1)]
    cells = [[spoil(column, row[column]) for column in columns] for row in kept]
    shaped = [line[: random.randint(1, len(line))] if random.random() < 0.02 else line for line in cells]
    shaped = [[*line, "extra"] if len(line) == len(columns) and random.random() < 0.02 else line for line in shaped]
    header = [f" {column.upper()} " if random.random() < 0.3 else column for column in columns]
    return b"\xef\xbb\xbf" + _write([header, *shaped], "\r\n").replace(b"\r\n", b"\r\n\r\n", 2) + b"\xff"


def _write(lines: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(lines)
    return text.getvalue().encode()
