"""Transactions and datasets: files whose bytes are the unit."""

import csv

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
async def test_a_dataset_keeps_every_cell_in_the_layout_of_the_lake(tenant: Tenant, name: str, path: str) -> None:
    file = b'\xef\xbb\xbfid;name\r\n1;"a\r\nb"\r\n2; x \r\n3;\r\n'
    job = await tenant.run(file, kind="dataset", dataset=name)
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 3, 3), job
    assert kept(tenant, path) == [["id", "name"], ["1", "a\r\nb"], ["2", " x "], ["3", ""]]
    again = await tenant.run(file, kind="dataset", dataset=name)
    assert (again.rows_written, again.rows_unchanged) == (0, 3)


async def test_rows_of_a_dataset_that_are_none_are_left_out(tenant: Tenant) -> None:
    job = await tenant.run("id,name\n1,a\n2\n3,c,d\n4,e\n", kind="dataset", dataset="t")
    assert (job.rows_read, job.rows_written, job.rows_rejected) == (4, 2, 2)
    assert kept(tenant, "datasets/t/t.csv") == [["id", "name"], ["1", "a"], ["4", "e"]]
    reasons = [(row.line, row.reason, row.raw) for row in await tenant.rejected(job.job_id)]
    assert reasons == [(3, "has 1 cells, the header 2", "2"), (4, "has 3 cells, the header 2", "3,c,d")]
    failed = await tenant.run("id,name\n1\n", kind="dataset", dataset="u", on_error="fail")
    assert (failed.status, failed.code) == (FAILED, "ROWS_REJECTED")
    assert not (tenant.lake / "datasets" / "u").exists()


async def test_a_dataset_in_another_encoding_is_kept_as_utf8(tenant: Tenant) -> None:
    job = await tenant.run("id;name\n1;año\n".encode("cp1252"), kind="dataset", dataset="t")
    assert (job.status, job.details["encoding"], job.details["delimiter"]) == (SUCCEEDED, "cp1252", "semicolon"), job
    assert kept(tenant, "datasets/t/t.csv") == [["id", "name"], ["1", "año"]]


async def test_columns_of_a_dataset_get_names_of_their_own_and_the_job_says_which(tenant: Tenant) -> None:
    job = await tenant.run("id,,name,Name,name_2\n1,a,b,c,d\n", kind="dataset", dataset="t")
    assert kept(tenant, "datasets/t/t.csv")[0] == ["id", "column_2", "name", "Name_3", "name_2"]
    assert job.details["renamed_columns"] == "2: column_2, 4: Name_3"


async def test_what_stands_before_a_header_and_empty_rows_at_the_end_are_left_out_and_told(tenant: Tenant) -> None:
    file = "Ventas 2024,,\n,,\nid,name,amount\n1,a,5\n,,\n2,b,6\n,,\n,,\n"
    job = await tenant.run(file, kind="dataset", dataset="t")
    assert kept(tenant, "datasets/t/t.csv")[1:] == [["1", "a", "5"], ["", "", ""], ["2", "b", "6"]]
    assert job.details["before_the_header"] == "Ventas 2024"


async def test_a_table_without_a_header_gets_numbered_columns(tenant: Tenant) -> None:
    job = await tenant.run("28/01/2018,5,rojo\n29/01/2018,6,azul\n", kind="dataset", dataset="t")
    assert (job.rows_written, job.details["header"]) == (2, "none: the first row has values like those below it")
    assert kept(tenant, "datasets/t/t.csv")[:2] == [["column_1", "column_2", "column_3"], ["28/01/2018", "5", "rojo"]]


def kept(tenant: Tenant, path: str) -> list[list[str]]:
    with (tenant.lake / path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
