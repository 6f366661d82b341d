"""Tells numbers, dates and codes from words, by which a header is told from the rows below it."""

import re
from collections import Counter
from collections.abc import Sequence

# Rows by which a column is judged, and among which a header is sought; more stand before none.
LOOKED_AT = 100
_VALUE = re.compile(r"\s*[-+(]?\s?[$€£]?\s?[-+]?\d[\d.,:/ \-]*([eE][-+]?\d+)?[TZ\d:.+ ]*[%€)]?\s*(am|pm|AM|PM)?\s*")
_NOTHING = {"", "-", ".", "na", "n/a", "nan", "null", "none", "nil"}
# Rows that make a form of theirs; fewer may be alike by chance.
_ENOUGH = 5
_LONGEST_CODE = 40


def is_nothing(cell: str) -> bool:
    return cell.strip().casefold() in _NOTHING


def is_value(cell: str) -> bool:
    """Tells whether a cell is a number, an amount, a date or a time."""
    return _VALUE.fullmatch(cell) is not None


def value_columns(body: Sequence[Sequence[str]]) -> list[int]:
    """Gives the columns that have values in most rows that have anything there."""
    return [place for place, cells in _columns(body) if cells and sum(map(is_value, cells)) >= 0.9 * len(cells)]


def form_of(cell: str) -> str:
    """Gives a cell with each run of letters as `a` and each number as `9`: what is alike in codes, dates and links."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell.strip()))


def code_form(cell: str) -> str:
    """Gives the form of what may be a code; nothing for what has no digit, or is long."""
    if len(cell) > _LONGEST_CODE or not any(letter.isdecimal() for letter in cell):
        return ""
    return form_of(cell).rstrip(":.;")


def code_columns(body: Sequence[Sequence[str]]) -> dict[int, str]:
    """Gives the form of the columns whose cells are codes of one form."""
    found = {}
    for place, cells in _columns(body):
        form, times = Counter(map(code_form, cells)).most_common(1)[0] if cells else ("", 0)
        if "a" in form and times >= max(_ENOUGH, 0.9 * len(cells)):
            found[place] = form
    return found


def _columns(body: Sequence[Sequence[str]]) -> list[tuple[int, list[str]]]:
    """Gives the cells with content of each column that a usual row has."""
    width = Counter(len(row) for row in body).most_common(1)[0][0] if body else 0
    cells = ([row[place] for row in body[:LOOKED_AT] if place < len(row)] for place in range(width))
    return [(place, [cell for cell in column if not is_nothing(cell)]) for place, column in enumerate(cells)]
