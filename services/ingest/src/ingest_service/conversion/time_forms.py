"""How a column writes its times, found by what the column as a whole says."""

from collections import Counter
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingest_service.conversion.number_styles import EMPTY

ISO = "year-month-day"
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")


@dataclass(frozen=True)
class TimeForm:
    """A way of writing times: the SQL that reads a trimmed cell with it; NULL where it does not fit."""

    name: str
    sql: str


def _written(name: str, pattern: str, tidy: str, *dates: str) -> TimeForm:
    formats = ", ".join(f"'{date}{clock}'" for date in dates for clock in _CLOCKS)
    fits = f"regexp_matches(cell, '{pattern}')"
    return TimeForm(name, f"CASE WHEN {fits} THEN CAST(try_strptime({tidy}, [{formats}]) AS TIMESTAMPTZ) END")


_SLASHED = r"regexp_replace(cell, '^(\d{1,2})[-./](\d{1,2})[-./](\d{2,4}),?[ T]*', '\1/\2/\3 ')"
_SHORT = r"^\d{1,2}[-./]\d{1,2}[-./](\d{2}|\d{4})\b"
_NAMED = r"regexp_replace(replace(cell, ',', ' '), '[-\s]+', ' ', 'g')"

# Two-digit years are tried before four: %Y would take the year 16 from 24/02/16.
FORMS = (
    TimeForm(
        ISO,
        r"CASE WHEN regexp_matches(cell, '^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?$') "
        "THEN TRY_CAST(cell AS TIMESTAMPTZ) END",
    ),
    _written("day/month/year", _SHORT, f"trim({_SLASHED})", "%d/%m/%y", "%d/%m/%Y"),
    _written("month/day/year", _SHORT, f"trim({_SLASHED})", "%m/%d/%y", "%m/%d/%Y"),
    TimeForm(
        "weekday month day time offset year",
        r"CASE WHEN regexp_matches(cell, '^[A-Za-z]{3} ') THEN try_strptime(cell, '%a %b %d %H:%M:%S %z %Y') END",
    ),
    TimeForm(
        "weekday, day month year time offset",
        r"CASE WHEN regexp_matches(cell, '^[A-Za-z]{3}, ') THEN "
        "try_strptime(replace(cell, 'GMT', '+0000'), '%a, %d %b %Y %H:%M:%S %z') END",
    ),
    _written("day month name year", r"^\d{1,2}[-\s]+[A-Za-z]{3,}", _NAMED, "%d %b %Y", "%d %B %Y", "%d %b %y"),
    _written("month name day year", r"^[A-Za-z]{3,}\s+\d{1,2}\b", _NAMED, "%b %d %Y", "%B %d %Y"),
    TimeForm(
        "yearmonthday",
        r"CASE WHEN regexp_matches(cell, '^(19|20)\d{6}([T ]?\d{6}Z?)?$') THEN TRY_CAST(regexp_replace(cell, "
        r"'^(\d{4})(\d{2})(\d{2})[T ]?(\d{2})?(\d{2})?(\d{2})?(Z?)$', '\1-\2-\3') || CASE WHEN length(cell) > 8 THEN "
        r"regexp_replace(cell, '^\d{8}[T ]?(\d{2})(\d{2})(\d{2})(Z?)$', ' \1:\2:\3\4') ELSE '' END AS TIMESTAMPTZ) END",
    ),
    TimeForm(
        "seconds since 1970",
        r"CASE WHEN regexp_matches(cell, '^\d{9,10}(\.\d+)?$') THEN to_timestamp(CAST(cell AS DOUBLE)) END",
    ),
    TimeForm(
        "milliseconds since 1970",
        r"CASE WHEN regexp_matches(cell, '^\d{12,13}$') THEN to_timestamp(CAST(cell AS BIGINT) / 1000) END",
    ),
)


@dataclass
class TimeProfile:
    """What the values of a column looked like so far."""

    seen: int = 0
    fits: Counter[str] = field(default_factory=Counter)

    def look(self, connection: duckdb.DuckDBPyConnection, cells: pa.Array) -> None:
        values = pc.utf8_trim_whitespace(cells)
        values = values.filter(pc.not_equal(values, EMPTY))
        if not len(values):
            return
        self.seen += len(values)
        iso = _counted(connection, values, FORMS[:1])[0]
        self.fits[ISO] += iso
        if iso < len(values):
            for form, count in zip(FORMS[1:], _counted(connection, values, FORMS[1:]), strict=True):
                self.fits[form.name] += count

    @property
    def others(self) -> list[TimeForm]:
        """The forms besides ISO that any value has, the most common first; equally common ones as listed."""
        ranked = sorted(FORMS[1:], key=lambda form: -self.fits[form.name])
        return [form for form in ranked if self.fits[form.name]]

    @property
    def form(self) -> TimeForm | None:
        """The form besides ISO that the column as a whole has; days before months where both fit."""
        return self.others[0] if self.others else None

    @property
    def told(self) -> str:
        names = [ISO] if self.fits[ISO] or not self.form else []
        if self.form:
            names.append(self.form.name)
        first, second = FORMS[1].name, FORMS[2].name
        if self.form and self.form.name == first and self.fits[first] == self.fits[second]:
            names[-1] += " (month/day/year would fit as well)"
        return ", ".join(names)

    def sql(self, cell: str) -> str:
        """SQL for a trimmed cell's time; what has no offset is in the connection's time zone."""
        forms = [FORMS[0], *([self.form] if self.form else [])]
        return f"coalesce({', '.join(form.sql.replace('cell', cell) for form in forms)})"


def _counted(connection: duckdb.DuckDBPyConnection, cells: pa.Array, forms: tuple[TimeForm, ...]) -> list[int]:
    connection.register("cells", pa.table({"cell": cells}))
    counts = ", ".join(f"count({form.sql})" for form in forms)
    rows = connection.execute(f"SELECT {counts} FROM cells").fetchall()  # noqa: S608 - of our own texts only
    connection.unregister("cells")
    return [int(count) for count in rows[0]]
