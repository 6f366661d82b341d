"""Rows as PostgreSQL's COPY takes them in its binary form, made column by column: no number or time is parsed again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BEGINNING = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
# PostgreSQL counts microseconds from the year 2000.
_EPOCH = 946_684_800_000_000
_NULL = -1
_NULL_BYTES = pa.scalar(_NULL.to_bytes(4, "big", signed=True), pa.binary())
_NOTHING = pa.scalar(b"", pa.binary())
_Values = NDArray[Any]


def binary_rows(rows: pa.RecordBatch) -> bytes:
    """Gives the rows of a batch, which has some, without what begins and ends a COPY."""
    # Each value stands behind its size. What is as large in every row is laid side by side; texts are joined to it.
    parts: list[pa.Array] = []
    fixed: list[_Values] = [np.full(len(rows), rows.num_columns, ">i2")]
    for column in rows.columns:
        if pa.types.is_string(column.type):
            sizes = pc.fill_null(pc.binary_length(column), _NULL)
            parts += [_side_by_side([*fixed, _values(sizes)]), pc.fill_null(column.cast(pa.binary()), _NOTHING)]
            fixed = []
        elif not column.null_count:
            fixed += _sized(column)
        else:
            if fixed:
                parts.append(_side_by_side(fixed))
            parts.append(pc.if_else(column.is_valid(), _side_by_side(_sized(column)), _NULL_BYTES))
            fixed = []
    if fixed:
        parts.append(_side_by_side(fixed))
    joined = pc.binary_join_element_wise(*parts, _NOTHING)
    ends = np.frombuffer(joined.buffers()[1], np.int32)
    return bytes(joined.buffers()[2].slice(0, int(ends[len(rows)])).to_pybytes())


def _sized(column: pa.Array) -> list[_Values]:
    values = _values(column)
    return [np.full(len(values), values.dtype.itemsize, ">i4"), values]


def _values(column: pa.Array) -> _Values:
    """Gives a column's numbers or times with their highest byte first; for what is null any."""
    if pa.types.is_timestamp(column.type):
        times = column.cast(pa.timestamp("us", "UTC")).view(pa.int64())
        return (_native(times, np.int64) - _EPOCH).astype(">i8")
    if pa.types.is_int32(column.type):
        return _native(column, np.int32).astype(">i4")
    if pa.types.is_float64(column.type):
        return _native(column, np.float64).astype(">f8")
    raise TypeError(f"a column of {column.type} has no binary form here")


def _native(column: pa.Array, kind: type[np.generic]) -> _Values:
    # pyarrow's own way to numpy does not take what has nulls.
    return np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column)]


def _side_by_side(values: Sequence[_Values]) -> pa.Array:
    packed = np.empty(len(values[0]), np.dtype([(f"v{place}", value.dtype) for place, value in enumerate(values)]))
    for place, value in enumerate(values):
        packed[f"v{place}"] = value
    form = pa.binary(packed.dtype.itemsize)
    return pa.Array.from_buffers(form, len(packed), [None, pa.py_buffer(packed)]).cast(pa.binary())
