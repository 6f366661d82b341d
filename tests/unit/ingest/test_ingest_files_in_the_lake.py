"""Transactions and datasets: files whose bytes are the unit."""

import pyarrow.parquet as pq
import pytest
from atalaya.jobs.v1 import job_pb2
from support.ingest_running import Tenant

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


async def test_transactions_are_kept_as_text_with_times_in_utc(tenant: Tenant) -> None:
    rows = '1;05/02/2024 10:30;"1.234,50"\n2;25/02/2024 00:00;-7,1\n3;ayer;1\n;25/02/2024;2\n'
    file = f"Customer ID;InvoiceDate;Amount\n{rows}"
    job = await tenant.run(file, kind="transactions", timezone="America/Lima")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 4, 2, 2), job
    [parquet] = (tenant.lake / "datavision" / "transactions").iterdir()
    assert pq.read_table(parquet).to_pylist() == [
        {"id_cuenta": "1", "fecha": "2024-02-05T15:30:00Z", "monto": "1234.50"},
        {"id_cuenta": "2", "fecha": "2024-02-25T05:00:00Z", "monto": "-7.1"},
    ]
    assert [(row.line, row.reason) for row in await tenant.rejected(job.job_id)] == [(4, "not a time"), (5, "is empty")]


async def test_the_same_transactions_again_change_nothing(tenant: Tenant) -> None:
    file = "customer_id,date,total\n1,2024-01-01,5\n1,2024-01-01,5\n"
    await tenant.run(file, kind="transactions")
    job = await tenant.run(file, kind="transactions")
    assert (job.rows_written, job.rows_unchanged) == (0, 2)
    assert len(list((tenant.lake / "datavision" / "transactions").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [("mysql/users", "mysql/users/users.csv"), ("ventas-2024", "datasets/ventas-2024/ventas-2024.csv")],
)
async def test_a_dataset_is_kept_byte_by_byte(tenant: Tenant, name: str, path: str) -> None:
    file = b'\xef\xbb\xbfid;name\r\n1;"a\r\nb"\r\n2;\r\n'
    job = await tenant.run(file, kind="dataset", dataset=name)
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 2, 2), job
    assert (tenant.lake / path).read_bytes() == file
    again = await tenant.run(file, kind="dataset", dataset=name)
    assert (again.rows_written, again.rows_unchanged) == (0, 2)


async def test_rows_of_a_dataset_that_are_none_are_left_out(tenant: Tenant) -> None:
    job = await tenant.run("id,name\n1,a\n2\n3,c,d\n4,e\n", kind="dataset", dataset="t")
    assert (job.rows_read, job.rows_written, job.rows_rejected) == (4, 2, 2)
    assert (tenant.lake / "datasets" / "t" / "t.csv").read_text() == "id,name\n1,a\n4,e\n"
    failed = await tenant.run("id,name\n1\n", kind="dataset", dataset="u", on_error="fail")
    assert (failed.status, failed.code) == (FAILED, "ROWS_REJECTED")
    assert not (tenant.lake / "datasets" / "u").exists()


async def test_a_dataset_that_is_not_utf8_is_refused(tenant: Tenant) -> None:
    job = await tenant.run("id,name\n1,año\n".encode("cp1252"), kind="dataset", dataset="t")
    assert (job.status, job.code) == (FAILED, "WRONG_ENCODING")
