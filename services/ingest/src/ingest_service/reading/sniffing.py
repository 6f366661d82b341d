"""Finds how a file separates and quotes its cells, from its first lines."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ingest_service.reading.dialect import Dialect
from ingest_service.reading.row_cells import CellParser, MisplacedError, UnclosedError

KnownNames = Callable[[Sequence[str]], int]
_COMMON = (",", ";", "\t", "|")
_RARE = ("||", "::", ":", "^", "~")
_ALL_IN_APOSTROPHES = re.compile(r"'(?:[^'\r\n]|'')*'(?:[,;\t|]'(?:[^'\r\n]|'')*')*(?=[\r\n]|\Z)")
# Rows that are looked at, and the first ones among which the header is.
_ROWS, _FIRST = 300, 20


def sniff(sample: bytes, wanted: str, known_names: KnownNames) -> Dialect:
    """Finds the dialect under which the header has most known names and the rows are most alike."""
    lines = [line.decode(errors="replace") for line in sample.splitlines(keepends=True)]
    text = "".join(lines)
    quote = _quote(text)
    # Spaces before quotes and escaped quotes also stand in plain texts: they are believed only where the rows of the
    # plain dialect are less alike.
    forms = [("", False)]
    if f" {quote}" in text:
        forms.append(("", True))
    if f"\\{quote}" in text:
        forms.append(("\\", False))
    best, best_score = Dialect(wanted or ",", quote), (-1, -1.0, -1)
    for delimiter in [wanted] if wanted else _candidates(text):
        for escape, skip_space in forms:
            dialect = Dialect(delimiter, quote, escape, skip_space)
            score = _score(lines, dialect, known_names, rare=delimiter in _RARE and not wanted)
            if score > best_score:
                best, best_score = dialect, score
    return best


def _candidates(text: str) -> Iterator[str]:
    for delimiter in (*_COMMON, *_RARE):
        # What stands only in pairs is a delimiter of two characters.
        pairs = text.count(delimiter * 2) if len(delimiter) == 1 else 0
        if delimiter in text and not (delimiter * 2 in _RARE and pairs * 2 == text.count(delimiter)):
            yield delimiter


def _quote(text: str) -> str:
    if '"' in text:
        return '"'
    # Apostrophes are common in texts; they quote only where cells begin and end with them.
    if _ALL_IN_APOSTROPHES.match(text):
        return "'"
    around = f"\n{text}\n"
    sides = sum(around.count(f"{mark}'") + around.count(f"'{mark}") for mark in (*_COMMON, "\n", "\r"))
    return "'" if text.startswith("'") and sides >= text.count("'") * 0.9 else '"'


def _score(lines: Sequence[str], dialect: Dialect, known_names: KnownNames, *, rare: bool) -> tuple[int, float, int]:
    rows = _rows(lines, dialect)
    if not rows:
        return 0, 0.0, 0
    widths = Counter(len(row) for row in rows)
    width, alike = len(rows[0]), 0.0
    if width > 1:
        alike = widths[width] / len(rows)
    # Before the header there may be lines of another width.
    usual, times = widths.most_common(1)[0]
    if usual > 1 and 0.9 * times / len(rows) > alike and times > 1:
        width, alike = usual, 0.9 * times / len(rows)
    if rare and (alike < 0.85 or len(rows) < 3):
        alike = 0.0
    return max(known_names(row) for row in rows[:_FIRST]), round(alike, 2), width


def _rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Reads the first rows; what does not close is taken for text."""
    parser = CellParser(dialect)
    rows: list[list[str]] = []
    place = ahead = 0

    def more() -> str:
        nonlocal ahead
        ahead += 1
        if ahead >= len(lines):
            raise UnclosedError
        return lines[ahead]

    while place < len(lines) and len(rows) <= _ROWS:
        ahead = place
        if lines[place].strip("\r\n"):
            try:
                rows.append(parser.strict(lines[place], more))
            except (UnclosedError, MisplacedError):
                ahead = place
                rows.append(parser.opening_quotes(lines[place]))
        place = ahead + 1
    # The sample's last row may be cut.
    return rows[:-1] if len(rows) > 2 else rows
