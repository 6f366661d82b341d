"""Values of Parquet columns as the texts that an import reads."""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from service_runtime.errors import InvalidArgument

_EMPTY = pa.scalar("")
# A number of more digits keeps its exponent.
_SHORT_EXPONENT = r"[eE][+-]?(0?[0-9]|1[0-5])$"


def as_text(column: pa.Array, name: str) -> pa.Array:
    """Gives a column's values as text, nothing for those that are absent; raises where they are none."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    try:
        text = _text(column, kind)
        # Arrow believes a file that its texts are UTF-8.
        text.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidArgument(
            "UNREADABLE_FILE", f"The values of column {name[:60]} ({kind}) are no text.", column=name[:60]
        ) from error
    return pc.fill_null(text, _EMPTY)


def _text(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_nested(kind):
        values = _plain_values(column)
        return pa.array([None if value is None else _compact(value) for value in values], pa.string())
    if pa.types.is_timestamp(kind):
        return _time_text(column)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    text = pc.cast(column, pa.string())
    return _with_digits(text, kind) if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else text


def _time_text(column: pa.Array) -> pa.Array:
    """Gives ISO times: with Z where the column's are instants, without zeros behind the seconds."""
    zoned = column.type.tz is not None
    text = pc.cast(pc.cast(column, _in_utc(column.type)), pa.string())
    bare = pc.replace_substring_regex(text, pattern="Z$", replacement="")
    bare = pc.replace_substring_regex(bare, pattern=r"(\.\d*?)0+$", replacement=r"\1")
    bare = pc.replace_substring_regex(bare, pattern=r"\.$", replacement="")
    return pc.binary_join_element_wise(bare, pa.scalar("Z" if zoned else ""), _EMPTY)


def _with_digits(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Writes numbers without an exponent, as amounts are; those of doubles only where it is a short one."""
    pattern = "[eE]" if pa.types.is_decimal(kind) else _SHORT_EXPONENT
    has_exponent = pc.fill_null(pc.match_substring_regex(text, pattern), fill_value=False)
    digits = [f"{Decimal(number):f}" for number in text.filter(has_exponent).to_pylist()]
    return pc.replace_with_mask(text, has_exponent, pa.array(digits, pa.string())) if digits else text


def _plain_values(column: pa.Array) -> list[Any]:
    """Gives nested values as Python's; times as text, since Python's have neither nanoseconds nor all years."""
    instants = pc.cast(column, _with_leaves(column.type, _in_utc))
    texts = pc.cast(instants, _with_leaves(column.type, _as_string))
    texts.validate(full=True)
    values: list[Any] = texts.to_pylist()
    return values


def _with_leaves(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Gives a nested type with its innermost types changed."""
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_leaves(field.type, change)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_with_leaves(kind.key_type, change), _with_leaves(kind.item_type, change))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_with_leaves(kind.value_type, change), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_with_leaves(kind.value_type, change))
    return pa.list_(_with_leaves(kind.value_type, change)) if pa.types.is_list(kind) else change(kind)


def _in_utc(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp(kind.unit, "UTC") if pa.types.is_timestamp(kind) and kind.tz is not None else kind


def _as_string(kind: pa.DataType) -> pa.DataType:
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return pa.string() if is_bytes or pa.types.is_temporal(kind) else kind


def _compact(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=str)


def _finite(value: Any) -> Any:
    """Gives a value with the numbers that JSON has not as texts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
