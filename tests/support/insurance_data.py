"""Insurance datasets as CSV files, made from a seed: clean, or as dirty as real ones are."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from support.insurance_dirt import dirty_lines
from support.insurance_tables import Columns, insurance_tables, random_of, transactions

# Small enough for a test of every day: 120 users, 96 clients, 144 policies, 480 payments.
SMALL = 0.0012


def insurance_files(seed: int, *, scale: float = SMALL, dirty: bool = False) -> dict[str, bytes]:
    """The eleven datasets by their path in the lake; scale 1 has 100,000 users, 120,000 policies, 400,000 payments."""
    return {
        f"{name}/{name.split('/')[1]}.csv": _file(name, columns, seed, dirty)
        for name, columns in insurance_tables(seed, scale).items()
    }


def transaction_files(seed: int, *, scale: float = SMALL, dirty: bool = False) -> dict[str, bytes]:
    """The purchases that RFM takes before payments, by their path; scale 1 has a million of 100,000 accounts."""
    name = "datavision/transactions"
    return {f"{name}/transactions.csv": _file(name, transactions(seed, scale), seed, dirty)}


def without_columns(data: bytes, *names: str) -> bytes:
    """A clean file without some of its columns."""
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    kept = [place for place, name in enumerate(header) if name not in names]
    return _text([[row[place] for place in kept] for row in (header, *rows)], "\n")


def _file(name: str, columns: Columns, seed: int, dirty: bool) -> bytes:
    if not dirty:
        return _text([list(columns), *zip(*columns.values(), strict=True)], "\n")
    random = random_of(seed, f"dirt of {name}")
    header, lines = dirty_lines(columns, random)
    # A byte order mark, blank lines within, and a byte at the end that is no UTF-8.
    middle = int(random.integers(0, len(lines) + 1))
    parts = (_text([header, *lines[:middle]], "\r\n"), b"\r\n \r\n", _text(lines[middle:], "\r\n"), _bad_byte(random))
    return b"\xef\xbb\xbf" + b"".join(parts)


def _bad_byte(random: np.random.Generator) -> bytes:
    return b"\xff" if random.random() < 0.5 else b""


def _text(lines: Iterable[Sequence[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(lines)
    return text.getvalue().encode()
