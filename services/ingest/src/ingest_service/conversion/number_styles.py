"""How a column writes its numbers: 1,234.5 or 1.234,5, found by what the column as a whole says."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

# A plain Python text as an argument would make pyarrow look for pandas, and import it.
EMPTY = pa.scalar("")
Style = Literal["plain", "comma", "dot"]

_SUFFIX = r"\s*(k|m|mil|mill)"
_GROUPED = {"comma": r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+)", "dot": r"([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)"}
_POINT = {"comma": r"\.", "dot": ","}
# How programs write numbers that are very small or large.
EXPONENT = "([eE][+-]?[0-9]{1,3})?"


def whole_pattern(style: Style) -> str:
    """The form of a count: a whole number (1,234 or 1.234, 12.0 too), or a short one (1.2K)."""
    grouped, point = _GROUPED[style], _POINT[style]
    return f"(?i)^[+-]?({grouped}({point}0+)?|[0-9]+({point}[0-9]+)?{_SUFFIX})$"


def decimal_pattern(style: Style, exponent: str = "") -> str:
    """The form of an amount or a percentage."""
    return f"^[+-]?{_GROUPED[style]}({_POINT[style]}[0-9]+)?{exponent}$"


@dataclass
class NumberProfile:
    """What the values of a column looked like so far."""

    whole: bool
    odd: int = 0
    fits: Counter[str] = field(default_factory=Counter)

    def look(self, cells: pa.Array) -> None:
        values = pc.utf8_trim_whitespace(cells)
        strange = pc.and_(pc.not_equal(values, EMPTY), pc.invert(pc.ascii_is_decimal(values)))
        values = tidied(values.filter(strange))
        if not len(values):
            return
        self.odd += len(values)
        for style in ("comma", "dot"):
            pattern = whole_pattern(style) if self.whole else decimal_pattern(style)
            self.fits[style] += pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0

    @property
    def style(self) -> Style:
        if not self.odd:
            return "plain"
        return "dot" if self.fits["dot"] > self.fits["comma"] else "comma"


def tidied(values: pa.Array) -> pa.Array:
    """Drops what stands around numbers: currency and per cent signs, spaces and apostrophes between thousands."""
    bare = pc.replace_substring_regex(values, TRIMMINGS, "")
    return pc.replace_substring_regex(bare, SPACED, r"\1")


TRIMMINGS = r"^\s*(S/\.?|US\$|R\$|[$€£])\s*|\s*[%€$£]\s*$|\s+$"
SPACED = "[ '’\u00a0\u202f]([0-9]{3})\\b"


def tidy_sql(cell: str) -> str:
    """The same as `tidied`, as SQL."""
    trimmings, spaced = (text.replace("'", "''") for text in (TRIMMINGS, SPACED))
    return f"regexp_replace(regexp_replace({cell}, '{trimmings}', '', 'g'), '{spaced}', '\\1', 'g')"


def count_sql(cell: str, style: Style) -> str:
    """SQL for a trimmed cell's count as a DOUBLE; NULL where it is none."""
    if style == "plain":
        return f"CASE WHEN regexp_full_match({cell}, '[0-9]+') THEN CAST({cell} AS DOUBLE) END"
    number = _number(f"regexp_replace({tidy_sql(cell)}, '(?i){_SUFFIX}$', '')", style)
    short = f"lower(regexp_extract({tidy_sql(cell)}, '[A-Za-z]+$'))"
    factor = f"CASE {short} WHEN 'k' THEN 1e3 WHEN 'mil' THEN 1e3 WHEN 'm' THEN 1e6 WHEN 'mill' THEN 1e6 ELSE 1 END"
    fits = f"regexp_matches({tidy_sql(cell)}, '{whole_pattern(style)}')"
    return f"CASE WHEN {fits} THEN round(CAST({number} AS DOUBLE) * {factor}, 6) END"


def decimal_sql(cell: str, style: Style, exponent: str = "") -> str:
    """SQL for a trimmed cell's decimal number as text with a point; NULL where it is none.

    `exponent` is a pattern for what may stand behind the digits.
    """
    kind: Style = "comma" if style == "plain" else style
    bare = tidy_sql(cell)
    fits = f"regexp_matches({bare}, '{decimal_pattern(kind, exponent)}')"
    return f"CASE WHEN {fits} THEN ltrim({_number(bare, kind)}, '+') END"


def _number(bare: str, style: Style) -> str:
    if style == "dot":
        return f"replace(replace({bare}, '.', ''), ',', '.')"
    return f"replace({bare}, ',', '')"
