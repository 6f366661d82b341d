"""The binary form in which rows go to PostgreSQL, beside what PostgreSQL reads in it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from ingest_service.binary_rows import BEGINNING, END, binary_rows
from local_suite.postgres import EmbeddedPostgres

_FORMS = {
    "number": (pa.int32(), "integer"),
    "mixed": (pa.int32(), "integer"),
    "empty": (pa.int32(), "integer"),
    "words": (pa.string(), "text"),
    "share": (pa.float64(), "double precision"),
    "moment": (pa.timestamp("us", "America/Lima"), "timestamptz"),
}
_ROWS = [
    (1, None, None, "", 0.1, datetime(1900, 1, 1, tzinfo=UTC)),
    (-(2**31), 7, None, 'ñ "quoted",\n\\.', None, datetime(1999, 12, 31, 23, 59, 59, 999999, UTC)),
    (2**31 - 1, -7, None, None, -math.inf, datetime(2199, 12, 31, 23, 59, 59, 1, UTC)),
]


def test_every_value_arrives_as_it_was(postgres: EmbeddedPostgres) -> None:
    table = pa.Table.from_pylist(
        [dict(zip(_FORMS, row, strict=True)) for row in [*_ROWS, *_ROWS]],
        pa.schema([(name, form) for name, (form, _) in _FORMS.items()]),
    )
    # The middle of a batch does not begin where its buffers do.
    batches = table.slice(1, 4).to_batches(max_chunksize=3)
    with postgres.connect() as connection, connection.cursor() as cursor:
        columns = ", ".join(f"{name} {form}" for name, (_, form) in _FORMS.items())
        cursor.execute(f"CREATE TEMP TABLE arrived ({columns})".encode())
        with cursor.copy("COPY arrived FROM STDIN (FORMAT binary)") as copy:
            for piece in (BEGINNING, *map(binary_rows, batches), END):
                copy.write(piece)
        assert cursor.execute("SELECT * FROM arrived").fetchall() == [*_ROWS[1:], *_ROWS[:2]]


def test_what_has_no_binary_form_is_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        binary_rows(pa.record_batch({"number": pa.array([1], pa.int64())}))
