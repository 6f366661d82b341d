"""The lake's parse rules once more, in plain Python and pandas from the specification alone."""

import csv
import io
import math
import re
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

WHITE = " \t\r\n\v\f\u00a0"
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)


def text(raw: object) -> str | None:
    """The trimmed text; None where it is missing."""
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return None
    return str(raw).strip(WHITE) or None


def identifier(raw: object) -> str | None:
    """An id as text, 17.0 as 17."""
    value = text(raw)
    match = re.fullmatch(r"(-?\d+)\.0+", value, re.ASCII) if value else None
    return match[1] if match else value


def number(raw: object) -> float | None:
    """A finite number; None where missing or malformed."""
    value = text(raw)
    if value is None or not NUMBER.fullmatch(value):
        return None
    return float(value) if math.isfinite(float(value)) else None


def time(raw: object) -> datetime | None:
    """A time in UTC, without its zone; None where missing or malformed."""
    match = TIME.fullmatch(text(raw) or "")
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    micros = int(((fraction or "") + "000000")[:6])
    try:
        local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros)  # noqa: DTZ001
        if not zone or zone == "Z":
            return local
        hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
        if hours > 23 or minutes > 59:
            return None
        shift = timedelta(hours=hours, minutes=minutes)
        return local + shift if zone[0] == "-" else local - shift
    except (ValueError, OverflowError):
        return None


def boolean(raw: object) -> bool | None:
    """A yes or a no; None where missing or malformed."""
    value = (text(raw) or "").lower()
    return {**dict.fromkeys(("true", "t", "yes", "y", "si", "sí", "1"), True),
            **dict.fromkeys(("false", "f", "no", "n", "0"), False)}.get(value)  # fmt: skip


def read_csv(data: bytes) -> pd.DataFrame:
    """The raw texts of a CSV by lower-cased column name: short rows filled, long rows cut, blank lines skipped."""
    content = data.decode("utf-8-sig", errors="replace")
    rows = [
        row for row in csv.reader(io.StringIO(content, newline="")) if row and (len(row) > 1 or row[0].strip(WHITE))
    ]
    if not rows:
        return pd.DataFrame()
    header = [name.strip().lower() for name in rows[0]]
    width = len(header)
    table = pd.DataFrame([(row + [""] * width)[:width] for row in rows[1:]], columns=header, dtype=object)
    return table.loc[:, ~table.columns.duplicated()]


def read_lake(lake: Path, dataset: str) -> pd.DataFrame:
    """The raw texts of a dataset of one CSV file."""
    return read_csv((lake / dataset / f"{dataset.split('/')[1]}.csv").read_bytes())


def bad_values(raw: pd.Series, parse: object) -> int:
    """How many values are there and do not parse."""
    assert callable(parse)
    return sum(1 for value in raw if text(value) is not None and parse(value) is None)
