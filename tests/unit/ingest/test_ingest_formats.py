"""The formats and packings in which files may come: each gives the same rows, counts and rejected rows."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service import tabular_file
from ingest_service.reading.opening import Hints, open_table
from ingest_service.tabular_file import Rejections
from support.ingest_running import Tenant
from support.table_files import FORMATS, PACKINGS, POSTS, as_parquet, as_xlsx, rows

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED
LOCAL = datetime(2024, 1, 5, 10)  # noqa: DTZ001 - it has no zone
LINE_OF_B = {"csv": 4, "jsonl": 2, "parquet": 2, "xlsx": 3}


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_and_packing_gives_the_same_posts_and_rejected_rows(
    tenant: Tenant, form: str, packing: str
) -> None:
    await tenant.add_account()
    content = PACKINGS[packing](FORMATS[form](POSTS))
    job = await tenant.run(content, "application/octet-stream", kind="posts", account="banco", timezone="UTC")
    counts = (job.rows_read, job.rows_written, job.rows_unchanged, job.rows_rejected)
    assert (job.status, *counts) == (SUCCEEDED, 3, 2, 0, 1), job
    assert (job.details["format"], job.details.get("compression", "")) == (form, packing)
    posts = {post.id_externo: post for post in await tenant.posts()}
    assert posts["a"].contenido == POSTS[0]["texto"]
    assert (posts["c"].contenido, posts["c"].likes) == ("año ñandú 😀", 7)
    assert posts["a"].fecha_publicacion.ToDatetime(UTC) == datetime(2024, 1, 5, 10, tzinfo=UTC)
    [row] = await tenant.rejected(job.job_id)
    assert (row.line, row.column, row.value, row.reason) == (LINE_OF_B[form], "fecha", "ayer", "not a time")
    assert "sin fecha" in row.raw


async def test_a_file_name_in_multipart_or_the_type_tells_json_lines(tenant: Tenant) -> None:
    line = b'\xef\xbb\xbf[1]\n{"n": 1.50}\n'
    head = b'--X\r\nContent-Disposition: form-data; name="f"; filename="datos.jsonl"\r\n\r\n'
    body = head + line + b"\r\n--X--\r\n"
    for name, content, kind in (("a", body, "multipart/form-data; boundary=X"), ("b", line, "application/x-ndjson")):
        job = await tenant.run(content, kind, kind="dataset", dataset=name)
        assert (job.status, job.details["format"], job.rows_written, job.rows_rejected) == (SUCCEEDED, "jsonl", 1, 1), (
            job
        )
        [row] = await tenant.rejected(job.job_id)
        assert (row.line, row.reason, row.raw) == (1, "is not a JSON object", "[1]")


async def test_the_callers_format_wins_unless_the_bytes_are_another(tenant: Tenant) -> None:
    job = await tenant.run(b'{"a": 1}\n{"a": 2}\n', kind="dataset", dataset="n", format="csv")
    assert (job.status, job.details["format"]) == (SUCCEEDED, "csv"), job
    job = await tenant.run(as_parquet(POSTS), kind="dataset", dataset="n", format="csv")
    assert (job.status, job.code) == (FAILED, "WRONG_FORMAT")
    job = await tenant.run(b"a,b\n1,2\n", kind="dataset", dataset="n", format="xlsx")
    assert (job.status, job.code) == (FAILED, "WRONG_FORMAT")


async def test_a_sheet_is_taken_by_its_name(tenant: Tenant) -> None:
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx([{"a": 1}])))
    book.create_sheet("Ventas").append(["b"])
    book["Ventas"].append([2])
    file = io.BytesIO()
    book.save(file)
    job = await tenant.run(file.getvalue(), kind="dataset", dataset="n", sheet="Ventas")
    assert (job.details["sheet"], job.details["columns"]) == ("Ventas", "b"), job
    job = await tenant.run(file.getvalue(), kind="dataset", dataset="n", sheet="Compras")
    assert (job.status, job.code) == (FAILED, "SHEET_MISSING")
    assert "Hoja 1, Ventas" in job.error


async def test_another_sheet_of_the_same_workbook_is_another_table(tenant: Tenant) -> None:
    january = [{"id_cuenta": "C1", "fecha": "2024-01-05", "monto": "5"}]
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(january, "Enero")))
    february = book.create_sheet("Febrero")
    february.append(["id_cuenta", "fecha", "monto"])
    february.append(["C1", "2024-02-05", "5"])
    file = io.BytesIO()
    book.save(file)
    for parameters in ({"kind": "transactions"}, {"kind": "dataset", "dataset": "n"}):
        counts = []
        for sheet_name in ("", "Febrero", "Febrero", "Enero"):
            job = await tenant.run(file.getvalue(), sheet=sheet_name, **parameters)
            counts.append((job.rows_written, job.rows_unchanged))
        # A dataset is what was imported last; transactions are all there, each once.
        assert counts == [(1, 0), (1, 0), (0, 1), (0, 1) if parameters["kind"] == "transactions" else (1, 0)]


async def test_a_dataset_that_is_read_otherwise_is_written_anew(tenant: Tenant) -> None:
    content = "a;b,c\n1;2,3\n4;5\n"
    first = await tenant.run(content, kind="dataset", dataset="n", delimiter=";")
    assert (first.details["columns"], first.rows_written) == ("a, b,c", 2)
    again = await tenant.run(content, kind="dataset", dataset="n", delimiter=";")
    assert (again.rows_written, again.rows_unchanged) == (0, 2)
    other = await tenant.run(content, kind="dataset", dataset="n", delimiter=",")
    assert (other.details["columns"], other.rows_written, other.rows_rejected) == ("a;b, c", 1, 1)
    correction = data_pb2.RowCorrection(line=3, values={"a;b": "4;5", "c": "6"})
    request = data_pb2.ReplayRejectedRowsRequest(job_id=other.job_id, corrections=[correction])
    replay = await tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer())
    assert (await tenant.ended(replay.job_id)).rows_written == 1
    last = await tenant.run(content, kind="dataset", dataset="n", delimiter=",")
    assert (last.rows_written, last.rows_unchanged) == (0, 1)


def test_json_values_are_kept_to_the_last_digit_and_nested_ones_as_compact_json(tmp_path: Path) -> None:
    content = (
        '{"n": 1.10, "big": 123456789012345678901234567890, "e": 1E400, "t": true, "z": null, "s": "a\\u00f1b"}\n'
        '{"n": {"x": [1.10, "é", null, false]}, "later": []}\n'
    )
    found, rejected = rows(content.encode(), tmp_path)
    assert found == [
        ["n", "big", "e", "t", "z", "s", "later"],
        ["1.10", "123456789012345678901234567890", "1E400", "true", "", "añb", ""],
        ['{"x":[1.10,"é",null,false]}', "", "", "", "", "", "[]"],
    ]
    assert not rejected


def test_lines_that_are_no_rows_are_rejected_each_by_its_reason(tmp_path: Path) -> None:
    lines = [
        '{"a": 1}',
        "",
        '{"a": ',
        '"text"',
        '{"a": 1} {"a": 2}',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": "' + "x" * (5 << 20) + '"}',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": 2}',
    ]
    found, rejected = rows("\n".join(lines).encode(), tmp_path)
    assert found == [["a"], ["1"], ["2"]]
    assert rejected == [
        (3, "is not JSON"),
        (4, "is not a JSON object"),
        (5, "has something behind the JSON object"),
        (6, "has a key twice"),
        (7, "NaN is not JSON"),
        (8, "has half of a surrogate pair"),
        (9, f"the line is longer than {4 << 20} bytes"),
        (10, "objects are nested too deeply"),
    ]


def test_lines_of_json_are_told_apart_by_any_line_end_and_any_space_around_them(tmp_path: Path) -> None:
    lines = [
        '\u00a0{"a": 1}\u2003',
        ' \t{"a": 2} \x1f',
        "\u00a0",
        " \t ",
        "x",
        '{"a": 3',
        'é{"a": 4}',
        '{"a": 5}é',
        "}",
        "{}",
    ]
    content = "".join(line + end for line, end in zip(lines, ["\n", "\r", "\r\n"] * 4, strict=False))
    found, rejected = rows(content.encode(), tmp_path, format="jsonl")
    assert found == [["a"], ["1"], ["2"], [""]]
    assert [line for line, _ in rejected] == [5, 6, 7, 8, 9]
    assert rejected[3] == (8, "has something behind the JSON object")


def test_lines_that_are_no_rows_cost_little_where_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(b'{"a": 1}\n' + b'{"a": \n' * 20_000 + b'{"a": 2}\n')
    looked_at = 0
    decode = json.JSONDecoder.raw_decode

    def counting(self: json.JSONDecoder, text: str, idx: int = 0) -> tuple[Any, int]:
        nonlocal looked_at
        looked_at += 1
        return decode(self, text, idx)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", counting)
    monkeypatch.setattr(tabular_file, "MOST_KEPT", 100)
    table, _ = open_table(tmp_path / "source", tmp_path, Hints(), lambda _: 0)
    rejections, kept = Rejections(), 0
    for batch in table.batches([0]):
        kept += batch.rows.num_rows
        rejections.add(batch.rejections)
    assert (kept, rejections.count, len(rejections.kept)) == (2, 20_000, 100)
    assert rejections.kept[-1].line == 101
    # Those that are kept tell why, and the good ones and the beginning are read more than once.
    assert looked_at < 110


def test_parquet_types_become_texts_that_can_be_read_again(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", None]),
        "words": pa.array(["x", "y"]).dictionary_encode(),
        "bytes": pa.array([b"caf\xc3\xa9", b""]),
        "whole": pa.array([2**63 - 1, -1]),
        "real": pa.array([0.1, 1e22]),
        "money": pa.array([Decimal("1.10"), Decimal("-0.05")]),
        "day": pa.array([date(2024, 2, 29), None]),
        "local": pa.array([LOCAL, LOCAL.replace(microsecond=500_000)]),
        "instant": pa.array([datetime(2024, 1, 5, 10, tzinfo=UTC)] * 2, pa.timestamp("us", "America/Lima")),
        "flag": pa.array([True, None]),
        "list": pa.array([[1, 2], None]),
        "none": pa.nulls(2),
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    found, _ = rows(file.getvalue(), tmp_path)
    assert found[0] == list(columns)
    assert found[1][:7] == ["a", "x", "café", "9223372036854775807", "0.1", "1.10", "2024-02-29"]
    assert found[1][7:] == ["2024-01-05 10:00:00", "2024-01-05 10:00:00Z", "true", "[1,2]", ""]
    assert found[2] == ["", "y", "", "-1", "1e+22", "-0.05", "", "2024-01-05 10:00:00.5", found[1][8], "", "", ""]


def test_xlsx_cells_become_texts_and_formulas_their_values(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["Informe"])
    page.append([])
    page.append(["n", "day", "time", "flag", "text"])
    page.append([1.5, date(2024, 1, 5), LOCAL.replace(minute=30), True, " =1+1"])
    page.append([3.0, None, None, False, "a"])
    file = io.BytesIO()
    book.save(file)
    found, rejected = rows(file.getvalue(), tmp_path)
    assert found == [
        ["n", "day", "time", "flag", "text"],
        ["1.5", "2024-01-05", "2024-01-05 10:30:00", "true", " =1+1"],
        ["3", "", "", "false", "a"],
    ]
    assert not rejected
