"""The columns of a batch as Arrow arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest_service.reading.careful_reader import CarefulRow
from ingest_service.reading.table import batch_schema


def numbers(values: NDArray[np.int64], form: pa.DataType, kind: type[np.signedinteger[Any]]) -> pa.Array:
    # pyarrow.array() of a numpy array would import pandas wherever it is installed, which costs more than the import.
    return pa.Array.from_buffers(form, len(values), [None, pa.py_buffer(values.astype(kind).tobytes())])


def flat(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array


def rows_as_batch(rows: Sequence[CarefulRow], columns: Sequence[int]) -> pa.RecordBatch:
    """Gives the wanted columns of rows; one that ends before a column has nothing there."""
    arrays = [
        pa.array([row.line for row in rows], pa.int32()),
        pa.array([row.start for row in rows], pa.int64()),
        pa.array([row.size for row in rows], pa.int32()),
        *(
            pa.array([row.cells[column] if column < len(row.cells) else "" for row in rows], pa.string())
            for column in columns
        ),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch_schema(len(columns)))
