"""Carries a report's SQL from DuckDB's dialect to Athena's, and refuses what would not mean the same in both."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from analytics_service.rounding import ROUND_HALF_AWAY

# Stand in the translated text for a parameter and for a table's place until the text is used.
_PARAMETER = re.compile(r":bound__(\w+)")
_TABLE = "place__"
_PLACE = re.compile(rf"{_TABLE}(\w+)")

# Functions that mean the same in both; any other is refused until it has been shown to.
_ALIKE: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.And, exp.Or, exp.Cast, exp.Greatest, exp.Least),
        *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr, exp.StddevSamp, exp.Corr),
        *(exp.RegrSlope, exp.RegrIntercept, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.Ntile),
        *(exp.Abs, exp.Floor, exp.Ceil, exp.Sqrt, exp.Pow, exp.Exp, exp.Ln, exp.Sign),
        *(exp.Upper, exp.Lower, exp.Length, exp.Substring, exp.Trim, exp.Pad, exp.StartsWith, exp.RegexpLike),
        *(exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.TimeToStr, exp.Extract, exp.DayOfWeekIso),
    }
)
# Why some are not, which is worth a word to whoever meets it.
_REASONS: Mapping[type[exp.Expr], str] = {
    exp.Median: "median is not in Athena",
    exp.PercentileCont: "percentiles are only approximate in Athena",
    exp.PercentileDisc: "percentiles are only approximate in Athena",
    exp.Quantile: "percentiles are only approximate in Athena",
    exp.ApproxQuantile: "an approximation differs between engines",
    exp.ApproxDistinct: "an approximation differs between engines",
    exp.First: "first depends on an order of rows that is not said",
    exp.Last: "last depends on an order of rows that is not said",
    exp.AnyValue: "any_value depends on an order of rows that is not said",
    exp.ArrayAgg: "lists are not for reports",
    exp.GroupConcat: "lists are not for reports",
    exp.Array: "lists are not for reports",
    exp.Struct: "structs are not for reports",
    exp.DayOfWeek: "DuckDB counts weekdays from Sunday 0; use isodow",
    exp.Concat: "concat skips NULL in DuckDB alone; use ||",
    exp.TryCast: "what parses differs between engines; the tables are typed",
}
# What is no function, and not in Athena, or not the same.
_REFUSED: Mapping[type[exp.Expr], str] = {
    exp.Lambda: "lambdas are not for reports",
    exp.Pivot: "PIVOT is not in Athena",
    exp.Qualify: "QUALIFY is not in Athena",
    exp.IntDiv: "integer division rounds differently",
    exp.ILike: "ILIKE is not in Athena",
}
_FORMATS = re.compile(r"(%[YmdHMS]|[-:T ])+")
_EXTRACTED = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})


class Untranslatable(Exception):
    """The text would not mean the same on the other engine."""


@dataclass(frozen=True)
class Translation:
    """A text in Athena's dialect: `?` for each parameter, whose names stand in order, and places for its tables."""

    text: str
    parameters: tuple[str, ...]

    def over(self, tables: Mapping[str, str]) -> str:
        """The text over these tables, each given as what stands after FROM."""
        return _PLACE.sub(lambda place: tables[place[1]], self.text)


@lru_cache(maxsize=512)
def translate(text: str, tables: Sequence[str]) -> Translation:
    """The text for Athena, over `tables` by their names; Untranslatable where it would not mean the same."""
    parsed = _parsed(text)
    broken = list(_differences(parsed))
    broken += [f"a CTE hides the table {cte.alias}" for cte in parsed.find_all(exp.CTE) if cte.alias in tables]
    if broken:
        raise Untranslatable("; ".join(broken))
    for parameter in list(parsed.find_all(exp.Placeholder)):
        parameter.replace(exp.Placeholder(this=f"bound__{parameter.name}"))
    moved = _with_tables(_without_macros(parsed), tables)
    written = moved.sql(dialect="athena", unsupported_level=sqlglot.ErrorLevel.RAISE, pretty=True, comments=False)
    return Translation(_PARAMETER.sub("?", written), tuple(_PARAMETER.findall(written)))


def differences(text: str) -> list[str]:
    """What in the text does not mean the same in both engines; empty for a good one."""
    try:
        return list(_differences(_parsed(text)))
    except Untranslatable as error:
        return [str(error)]


def _parsed(text: str) -> exp.Query:
    if "bound__" in text or _TABLE in text:
        raise Untranslatable("bound__ and place__ are names of the translation's own")
    try:
        parsed = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        raise Untranslatable(f"cannot be parsed: {error}") from error
    if not isinstance(parsed, exp.Query):
        raise Untranslatable("is not a query")
    return parsed


def _differences(parsed: exp.Query) -> Iterator[str]:
    for node in parsed.walk():
        reason = _REFUSED.get(type(node)) or _difference(node)
        if reason:
            yield f"{reason}: {node.sql(dialect='duckdb')[:80]}"


def _difference(node: exp.Expr) -> str:
    if isinstance(node, exp.Func) and type(node) not in _ALIKE and node.name.lower() != "round_half_away":
        return _REASONS.get(type(node), "it has not been shown that this means the same in Athena")
    if isinstance(node, exp.Extract) and node.name.upper() not in _EXTRACTED:
        return "this part of a time is counted otherwise in Athena, or not there"
    if isinstance(node, exp.Group) and node.args.get("all"):
        return "GROUP BY ALL is not in Athena"
    if isinstance(node, exp.Star) and any(node.args.get(change) for change in ("except_", "replace", "rename")):
        return "changes to * are not in Athena"
    if isinstance(node, exp.DateDiff) and not _is_same_difference(node):
        return "DuckDB counts the boundaries crossed, Athena whole units: use 'millisecond', or 'day' between two DATEs"
    if isinstance(node, exp.TimeToStr) and not _FORMATS.fullmatch(node.text("format")):
        return "only %Y %m %d %H %M %S are the same in both"
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Filter):
        return "FILTER on a window function is not in Athena"
    if isinstance(node, exp.Interval) and not isinstance(node.this, exp.Literal):
        return "an interval must be a literal in Athena"
    if isinstance(node, exp.Join) and node.args.get("method"):
        return "joins that find their condition by themselves are not in Athena"
    return ""


def _is_same_difference(node: exp.DateDiff) -> bool:
    unit = node.text("unit").lower()
    dates = all(side.is_type("date") or isinstance(side, exp.TsOrDsToDate) for side in (node.this, node.expression))
    return unit == "millisecond" or (unit == "day" and dates)


def _without_macros(parsed: exp.Query) -> exp.Query:
    # The innermost first, so that what is put into a meaning has none left.
    for node in reversed([node for node in parsed.find_all(exp.Anonymous) if node.name.lower() == "round_half_away"]):
        value, digits = node.expressions
        meaning = sqlglot.parse_one(ROUND_HALF_AWAY, read="duckdb")
        for part in list(meaning.find_all(exp.Column)):
            part.replace({"value": value, "digits": digits}[part.name].copy())
        node.replace(meaning)
    return parsed


def _with_tables(parsed: exp.Query, tables: Sequence[str]) -> exp.Query:
    """Puts each table that is read into a CTE of its name before the others, so that it may lie anywhere."""
    for name in reversed(tables):
        parsed = parsed.with_(name, as_=f"SELECT * FROM {_TABLE}{name}", dialect="athena")  # noqa: S608
        last = parsed.args["with_"].expressions
        last.insert(0, last.pop())
    return parsed
