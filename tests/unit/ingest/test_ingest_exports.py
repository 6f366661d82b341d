"""Exports: what is asked for, what is in the file, who gets it, and that an import of it changes nothing."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service import export_workbook
from ingest_service.export_columns import Column, arrow_schema
from ingest_service.export_formats import open_format
from ingest_service.export_job import room_on_the_disk
from service_runtime.errors import InvalidArgument, NotFound, PermissionDenied, Unavailable
from support.ingest_exports import create_export, download, export, exported
from support.ingest_running import Tenant
from support.running import refusal

POSTS = (
    "fecha,texto,likes,impressions,id,type\n"
    "2024-01-05T10:00:00.123456Z,Hola #Lima,3,,p1,photo\n"
    '2024-02-06T23:30:00Z,"=HYPERLINK(""http://x"";""a"")",0,7,p2,\n'
    "2024-03-07T06:00:00Z,-5,1,,,\n"
)


async def filled(tenant: Tenant) -> Tenant:
    await tenant.add_account()
    assert (await tenant.run(POSTS, kind="posts", account="banco")).rows_written == 3
    return tenant


async def test_posts_come_as_csv_for_spreadsheets(tenant: Tenant) -> None:
    await filled(tenant)
    job = await export(tenant, kind="posts", format="csv")
    content = await download(tenant, job.job_id)
    assert content.startswith(b'\xef\xbb\xbf"cuenta","fecha_publicacion"')
    assert content.count(b"\r\n") == 4
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["contenido"] for row in rows] == ["Hola #Lima", '\'=HYPERLINK("http://x";"a")', "-5"]
    assert [row["fecha_publicacion"] for row in rows] == [
        "2024-01-05T10:00:00.123456Z",
        "2024-02-06T23:30:00Z",
        "2024-03-07T06:00:00Z",
    ]
    assert [(row["cuenta"], row["likes"], row["impresiones"]) for row in rows] == [
        ("banco", "3", ""),
        ("banco", "0", "7"),
        ("banco", "1", ""),
    ]
    assert (job.rows_read, job.rows_written) == (3, 3)
    assert job.download_url == f"/api/v1/data/exports/{job.job_id}"
    assert job.details["bytes"] == str(len(content))


async def test_raw_gives_cells_as_they_are(tenant: Tenant) -> None:
    await filled(tenant)
    content = await exported(tenant, kind="posts", format="csv", raw=True)
    assert content.startswith(b'"cuenta"')
    assert b'"=HYPERLINK(""http://x"";""a"")"' in content


async def test_posts_come_typed(tenant: Tenant) -> None:
    await filled(tenant)
    table = pq.read_table(io.BytesIO(await exported(tenant, kind="posts", format="parquet")))
    assert {str(table.schema.field(name).type) for name in ("likes", "impresiones")} == {"int32"}
    assert table.column("fecha_publicacion").to_pylist()[0] == datetime(2024, 1, 5, 10, 0, 0, 123456, UTC)
    assert table.column("impresiones").to_pylist() == [None, 7, None]
    lines = (await exported(tenant, kind="posts", format="jsonl")).decode().splitlines()
    row = json.loads(lines[0])
    assert (row["likes"], row["impresiones"], row["id_externo"]) == (3, None, "p1")
    assert list(row) == table.schema.names


async def test_a_workbook_has_texts_and_numbers_and_no_formula(tenant: Tenant) -> None:
    await filled(tenant)
    book = openpyxl.load_workbook(io.BytesIO(await exported(tenant, kind="posts", format="xlsx")))
    rows = list(book.active.iter_rows())
    names = [cell.value for cell in rows[0]]
    text, likes = names.index("contenido"), names.index("likes")
    assert rows[2][text].value == '\'=HYPERLINK("http://x";"a")'
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    assert [row[likes].value for row in rows[1:]] == [3, 0, 1]
    raw = openpyxl.load_workbook(io.BytesIO(await exported(tenant, kind="posts", format="xlsx", raw=True)))
    cell = list(raw.active.iter_rows())[2][text]
    assert (cell.value, cell.data_type) == ('=HYPERLINK("http://x";"a")', "s")


async def test_rows_beyond_a_sheet_come_in_the_next(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_workbook, "_MOST_ROWS", 3)
    await filled(tenant)
    book = openpyxl.load_workbook(io.BytesIO(await exported(tenant, kind="posts", format="xlsx")))
    sheets = [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]
    assert sheets == [["cuenta", "banco", "banco"], ["cuenta", "banco"]]


async def test_a_text_that_no_workbook_holds_fails_the_export(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(f"fecha,texto\n2024-01-05,{'x' * 32_768}\n", kind="posts", account="banco")
    job = await export(tenant, kind="posts", format="xlsx")
    assert (job.status, job.code, job.download_url) == (job_pb2.JobStatus.FAILED, "TEXT_TOO_LONG", "")
    assert len(await exported(tenant, kind="posts", format="csv")) > 32_768


async def test_days_are_those_of_the_tenants_time_zone(tenant: Tenant) -> None:
    await filled(tenant)
    # 2024-02-06T23:30Z and 2024-03-07T06:00Z are 17:30 and midnight in Mexico.
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({"start_date": "2024-02-06", "end_date": "2024-02-06"}, ["p2"]),
        ({"start_date": "2024-03-07"}, [""]),
        ({"end_date": "2024-03-06"}, ["p1", "p2"]),
        ({"start_date": "0001-01-01", "end_date": "9999-12-31"}, ["p1", "p2", ""]),
    ]
    for days, found in asked:
        lines = await exported(tenant, kind="posts", format="jsonl", **days)
        assert [json.loads(line)["id_externo"] for line in lines.splitlines()] == found


async def test_an_export_without_rows_is_a_file_too(tenant: Tenant) -> None:
    await tenant.add_account()
    assert await exported(tenant, kind="metrics", format="jsonl") == b""
    content = await exported(tenant, kind="metrics", format="csv", account="BANCO ", raw=True)
    assert content == (
        b'"cuenta","hora","seguidores","siguiendo","publicaciones_totales","alcance_promedio","impresiones",'
        b'"engagement_rate"\r\n'
    )
    assert pq.read_table(io.BytesIO(await exported(tenant, kind="posts", format="parquet"))).num_rows == 0


async def test_transactions_come_with_every_digit(tenant: Tenant) -> None:
    await tenant.run(
        "customer_id,date,amount\n=c1,2024-01-05 10:00:00,-12.50\nc2,2024-02-06,9007199254740993.0000001\n",
        kind="transactions",
        timezone="UTC",
    )
    content = await exported(tenant, kind="transactions", format="csv")
    assert content.decode("utf-8-sig").splitlines() == [
        '"id_cuenta","fecha","monto"',
        '"\'=c1",2024-01-05T10:00:00Z,-12.50',
        '"c2",2024-02-06T00:00:00Z,9007199254740993.0000001',
    ]
    table = pq.read_table(io.BytesIO(await exported(tenant, kind="transactions", format="parquet")))
    assert [str(value) for value in table.column("monto").to_pylist()] == [
        "-12.500000000000",
        "9007199254740993.000000100000",
    ]
    lines = await exported(tenant, kind="transactions", format="jsonl", start_date="2024-02-01")
    assert lines == b'{"id_cuenta":"c2","fecha":"2024-02-06T00:00:00Z","monto":9007199254740993.0000001}\n'


async def test_a_dataset_comes_cell_by_cell(tenant: Tenant) -> None:
    file = 'a,b,=c\n007,"x ""y""\nz",\n=1+1, NULL ,-3\n'
    await tenant.run(file, kind="dataset", dataset="mysql/users")
    wanted = [["a", "b", "=c"], ["007", 'x "y"\nz', ""], ["=1+1", " NULL ", "-3"]]

    async def given(format_name: str) -> bytes:
        return await exported(tenant, kind="dataset", dataset="mysql/users", format=format_name, raw=True)

    assert list(csv.reader(io.StringIO((await given("csv")).decode(), newline=""))) == wanted
    rows = [json.loads(line) for line in (await given("jsonl")).splitlines()]
    assert [list(rows[0]), *(list(row.values()) for row in rows)] == wanted
    table = pq.read_table(io.BytesIO(await given("parquet")))
    assert [table.schema.names, *(list(row.values()) for row in table.to_pylist())] == wanted
    book = openpyxl.load_workbook(io.BytesIO(await given("xlsx")))
    values = book.active.iter_rows(values_only=True)
    assert [[value or "" for value in row] for row in values] == wanted
    harmless = (await exported(tenant, kind="dataset", dataset="mysql/users", format="csv")).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(harmless, newline=""))) == [
        ["a", "b", "'=c"],
        ["007", 'x "y"\nz', ""],
        ["'=1+1", " NULL ", "-3"],
    ]


REFUSED = [
    ({"kind": "dataset"}, "DATASET_REQUIRED"),
    ({"kind": "dataset", "dataset": "../up"}, "DATASET_REQUIRED"),
    ({"kind": "posts", "start_date": "2024-02-30"}, "BAD_DATE"),
    ({"kind": "posts", "start_date": "2024-02-02", "end_date": "2024-02-01"}, "DATE_RANGE_REVERSED"),
    ({"kind": "posts", "dataset": "mysql/users"}, "PARAMETER_NOT_APPLICABLE"),
    ({"kind": "transactions", "account": "banco"}, "PARAMETER_NOT_APPLICABLE"),
    ({"kind": "dataset", "dataset": "mysql/users", "end_date": "2024-01-01"}, "PARAMETER_NOT_APPLICABLE"),
]


@pytest.mark.parametrize(("parameters", "reason"), REFUSED)
async def test_what_cannot_be_exported_is_refused_at_once(
    tenant: Tenant, parameters: dict[str, Any], reason: str
) -> None:
    error = await refusal(create_export(tenant, format="csv", **parameters))
    assert isinstance(error, InvalidArgument)
    assert error.reason == reason


async def test_what_is_not_there_cannot_be_exported(tenant: Tenant) -> None:
    error = await refusal(create_export(tenant, kind="dataset", dataset="mysql/users", format="csv"))
    assert (type(error), error.reason) == (NotFound, "DATASET_NOT_FOUND")
    error = await refusal(create_export(tenant, kind="posts", account="nobody", format="csv"))
    assert (type(error), error.reason) == (PermissionDenied, "ACCOUNT_FORBIDDEN")


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_a_full_disk_is_a_reason_to_come_again(name: str) -> None:
    columns = [Column("a", "text")]
    rows = pa.RecordBatch.from_pylist([{"a": "x" * 1000}] * 100, arrow_schema(columns))
    with pytest.raises(Unavailable, match="DISK_FULL"), room_on_the_disk():
        file = open_format(name, Path("/dev/full"), columns, raw=True)
        try:
            file.write(rows)
        finally:
            file.close()
