"""Values of exports as text: as an import reads them, and harmless in a spreadsheet."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from ingest_service.export_columns import Column

# How a cell begins that spreadsheets take for a formula, the wide forms of East Asian keyboards among them; what they
# drop from a cell's beginning may hide one.
_FORMULA = r"\A[=+\-@\t\r\n\x00＝＋－＠]"
_NUMBER = r"\A[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?\z"
# Plain Python texts as arguments would make pyarrow look for pandas, and import it.
_EMPTY, _MARK = pa.scalar(""), pa.scalar("'")


def texts(column: Column, values: pa.Array) -> pa.Array:
    """Gives a column's values as text; what has no value stays null."""
    if column.form == "time":
        return _time_texts(values)
    if column.form == "money":
        return pc.replace_substring_regex(values, r"^(-?)0+([0-9])", r"\1\2")
    return values if pa.types.is_string(values.type) else pc.cast(values, pa.string())


def _time_texts(values: pa.Array) -> pa.Array:
    seconds = pc.floor_temporal(values, unit="second")
    are_whole = pc.all(pc.equal(values, seconds)).as_py() in (True, None)
    moments = pc.cast(pc.cast(seconds, pa.timestamp("s", "UTC")) if are_whole else values, pa.string())
    # As Arrow writes it, but for the letter between day and time; zeros at the end say nothing.
    moments = pc.binary_replace_slice(moments, start=10, stop=11, replacement="T")
    return moments if are_whole else pc.replace_substring_regex(moments, r"\.?0*Z$", "Z")


def harmless(values: pa.Array) -> pa.Array:
    """Gives texts with an apostrophe before what a spreadsheet would take for a formula; numbers stay as they are."""
    risky = pc.match_substring_regex(values, _FORMULA)
    if not pc.any(risky).as_py():
        return values
    risky = pc.and_(risky, pc.invert(pc.match_substring_regex(values, _NUMBER)))
    return pc.if_else(risky, pc.binary_join_element_wise(_MARK, values, _EMPTY), values)


def harmless_names(columns: Iterable[Column]) -> list[str]:
    names: list[str] = harmless(pa.array([column.name for column in columns], pa.string())).to_pylist()
    return names
