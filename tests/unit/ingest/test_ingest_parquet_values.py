"""What columns of Parquet can hold beside usual values: kept as text, or refused in words."""

import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from atalaya.jobs.v1 import job_pb2
from support.ingest_exports import exported
from support.ingest_running import Tenant
from support.table_files import refusal, rows

NANOSECONDS, SECONDS = pa.timestamp("ns"), pa.timestamp("s")
NO_TEXT = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")])


def parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def texts(column: pa.Array, folder: Path) -> list[str]:
    """Reads a column as imports do."""
    _, *found = rows(parquet(column=column), folder)[0]
    return [text for (text,) in found]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([[1]], pa.list_(NANOSECONDS)), '["1970-01-01 00:00:00.000000001"]'),
        (pa.array([[10**12]], pa.list_(SECONDS)), '["<value out of range: 1000000000000000>"]'),
        (pa.array([[1]], pa.list_(pa.timestamp("s", "America/Lima"))), '["1970-01-01 00:00:01.000Z"]'),
        (pa.array([{"a": [1]}], pa.struct([("a", pa.large_list(pa.date32()))])), '{"a":["1970-01-02"]}'),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.time64("ns"))), '[["a","00:00:00.000000001"]]'),
        (pa.array([[2**62]], pa.list_(pa.duration("s"), 1)), '["4611686018427387904"]'),
        (pa.array([[b"caf\xc3\xa9"]], pa.list_(pa.binary())), '["café"]'),
        (pa.array([[float("nan"), 1.5]]), '["nan",1.5]'),
    ],
)
def test_nested_values_are_compact_json_whatever_they_hold(tmp_path: Path, column: pa.Array, text: str) -> None:
    assert texts(column, tmp_path) == [text]


def test_numbers_are_written_with_their_digits_unless_these_are_many(tmp_path: Path) -> None:
    money = pa.array([Decimal(0), Decimal("0.0000005"), Decimal("1.5")], pa.decimal128(38, 12))
    assert texts(money, tmp_path) == ["0.000000000000", "0.000000500000", "1.500000000000"]
    assert texts(pa.array([12_500_000_000.0, 1e-7, 1e22]), tmp_path) == ["12500000000", "0.0000001", "1e+22"]


@pytest.mark.parametrize("column", [NO_TEXT, pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), NO_TEXT)])
def test_texts_that_are_not_utf_8_are_refused_in_words(tmp_path: Path, column: pa.Array) -> None:
    reason, message = refusal(parquet(column=column), tmp_path)
    assert (reason, "column" in message) == ("UNREADABLE_FILE", True)


async def test_texts_that_are_not_utf_8_end_their_import(tenant: Tenant) -> None:
    await tenant.add_account()
    content = parquet(fecha=pa.array(["2024-01-05"]), texto=NO_TEXT)
    for parameters in ({"kind": "posts", "account": "banco"}, {"kind": "dataset", "dataset": "n"}):
        job = await tenant.run(content, "application/octet-stream", **parameters)
        assert (job.status, job.code) == (job_pb2.FAILED, "UNREADABLE_FILE"), job


async def test_an_amount_of_nothing_comes_back_from_an_export(tenant: Tenant) -> None:
    await tenant.run("customer_id,date,amount\na,2024-01-05,0\nb,2024-01-05,12500000000\n", kind="transactions")
    content = await exported(tenant, kind="transactions", format="parquet")
    job = await tenant.run(content, "application/octet-stream", kind="transactions")
    assert (job.rows_written, job.rows_rejected) == (2, 0), job


async def test_a_row_that_no_block_could_hold_is_rejected(tenant: Tenant) -> None:
    content = parquet(n=pa.array(["1", "2", "3"]), texto=pa.array(["a", "b" * (20 << 20), "c"]))
    job = await tenant.run(content, "application/octet-stream", kind="dataset", dataset="n")
    assert (job.status, job.rows_written, job.rows_rejected) == (job_pb2.SUCCEEDED, 2, 1), job
    [row] = await tenant.rejected(job.job_id)
    assert (row.line, row.reason) == (2, "the row is longer than 4194304 bytes")
    assert (row.raw[:28], len(row.raw)) == ('{"n": "2", "texto": "bbbbbbb', 10_000)
    assert await exported(tenant, kind="dataset", dataset="n", format="csv", raw=True) == (
        b'"n","texto"\r\n"1","a"\r\n"3","c"\r\n'
    )
