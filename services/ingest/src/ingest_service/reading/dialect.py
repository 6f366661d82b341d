"""Finds how a file separates and quotes its cells, from its first lines."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO

_COMMON = (",", ";", "\t", "|")
_RARE = (":", "^", "~")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How cells are written. Quotes inside quoted cells are doubled unless there is an escape character."""

    delimiter: str
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False

    @property
    def is_plain(self) -> bool:
        """Tells whether the fast reader understands it."""
        return not self.escape and not self.skip_space

    @property
    def delimiter_name(self) -> str:
        return _NAMES.get(self.delimiter, self.delimiter)

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Gives Python's reader for this dialect over an iterable of lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            doublequote=not self.escape,
            escapechar=self.escape or None,
            skipinitialspace=self.skip_space,
        )


def sniff(sample: str, wanted: str, known_names: Callable[[Sequence[str]], int]) -> Dialect:
    """Finds the dialect under which the header has most known names and the rows are most alike."""
    quote = _quote(sample)
    # Spaces before quotes and escaped quotes also stand in plain texts: they are believed only where the rows of the
    # plain dialect are less alike.
    forms = [("", False)]
    if f" {quote}" in sample:
        forms.append(("", True))
    if f"\\{quote}" in sample:
        forms.append(("\\", False))
    best, best_score = Dialect(wanted or ",", quote), (-1, -1.0, -1)
    for delimiter in [wanted] if wanted else [*_COMMON, *_RARE]:
        for escape, skip_space in forms:
            dialect = Dialect(delimiter, quote, escape, skip_space)
            score = _score(sample, dialect, known_names, rare=delimiter in _RARE and not wanted)
            if score > best_score:
                best, best_score = dialect, score
    return best


def _quote(sample: str) -> str:
    if '"' in sample:
        return '"'
    # Apostrophes are common in texts; they quote only where cells begin and end with them.
    sides = sum(sample.count(f"{mark}'") + sample.count(f"'{mark}") for mark in (*_COMMON, "\n"))
    return "'" if sample.startswith("'") and sides >= sample.count("'") * 0.9 else '"'


def _score(
    sample: str, dialect: Dialect, known_names: Callable[[Sequence[str]], int], *, rare: bool
) -> tuple[int, float, int]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(row for row in dialect.reader(StringIO(sample, newline="")) if row)
    # The sample's last row may be cut.
    rows = rows[:-1] if len(rows) > 2 else rows
    if not rows:
        return 0, 0.0, 0
    width = len(rows[0])
    widths = Counter(len(row) for row in rows)
    alike = widths[width] / len(rows) if width > 1 else 0.0
    if rare and (alike < 0.95 or len(rows) < 3):
        alike = 0.0
    return known_names(rows[0]), round(alike, 2), width
