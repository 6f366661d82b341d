"""Messy files: each gives the right rows or is refused with a reason; none is half done."""

import csv
import importlib.util
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service.reading.encoding import prepare
from ingest_service.reading.lines import LARGEST_ROW
from ingest_service.reading.table_file import TableFile
from support.ingest_running import Tenant

csv.field_size_limit(LARGEST_ROW)
SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


def cells(content: bytes, folder: Path, delimiter: str = "") -> tuple[list[list[str]], int]:
    """Reads a file as imports do: all rows with the header, and how many are rejected."""
    source = folder / "source"
    source.write_bytes(content)
    table = TableFile(prepare(source, "", folder / "text"), delimiter, lambda _: 0)
    rows, rejected = [table.header], 0
    for batch in table.batches(range(len(table.header))):
        columns = [column.to_pylist() for column in batch.rows.columns[3:]]
        rows += [list(row) for row in zip(*columns, strict=True)]
        rejected += len(batch.rejections)
    return rows, rejected


DERIVED = {
    "cp1252_semicolon_crlf.csv": ("cp1252", ";"),
    "double_encoded_mojibake.csv": ("utf-8", ","),
    "huge_field.csv": ("utf-8", ","),
    "latin1_tab.tsv": ("latin-1", "\t"),
    "pipe_quote_all.csv": ("utf-8", "|"),
    "utf16le_bom_tab.csv": ("utf-16", "\t"),
    "utf8_bom_comma_crlf.csv": ("utf-8-sig", ","),
    "utf8_cr_only.csv": ("utf-8", ","),
}


@pytest.mark.parametrize("name", DERIVED)
def test_files_in_other_encodings_give_their_cells(name: str, shared_data: Path, tmp_path: Path) -> None:
    content = (shared_data / "messy_csv" / "encodings_derived" / name).read_bytes()
    encoding, delimiter = DERIVED[name]
    rows, rejected = cells(content, tmp_path)
    text = io.StringIO(content.decode(encoding), newline="")
    assert rows == list(csv.reader(text, delimiter=delimiter))
    assert rejected == 0


async def test_lines_in_two_encodings_are_each_read_in_their_own(tenant: Tenant, shared_data: Path) -> None:
    content = (shared_data / "messy_csv" / "encodings_derived" / "mixed_utf8_cp1252.csv").read_bytes()
    job = await tenant.run(content, kind="posts", account_column="username", create_accounts=True)
    assert (job.status, job.rows_read, job.rows_rejected) == (SUCCEEDED, 300, 0), job
    assert job.details["encoding"] == "utf-8 with lines in cp1252"
    texts = [row["contenido"] for row in tenant.query("SELECT contenido FROM posts WHERE tenant_id = {tenant}")]
    assert not any("�" in text or "Ã" in text for text in texts)


async def test_a_quote_that_never_closes_costs_one_row(tenant: Tenant, shared_data: Path) -> None:
    content = (shared_data / "messy_csv" / "encodings_derived" / "truncated_open_quote.csv").read_bytes()
    job = await tenant.run(content, kind="posts", account_column="username", create_accounts=True)
    assert (job.rows_read, job.rows_written, job.rows_rejected) == (21, 20, 1), job
    [rejected] = await tenant.rejected(job.job_id)
    assert (rejected.line, rejected.reason) == (22, "a quote opens a cell that never ends")


def test_an_unclosed_quote_in_the_middle_is_read_as_text(tmp_path: Path) -> None:
    rows = [f"{number},texto {number}" for number in range(1000)]
    rows[500] = '500,"sin cerrar'
    found, rejected = cells(("id,texto\n" + "\n".join(rows)).encode(), tmp_path)
    assert (len(found), rejected) == (1001, 0)
    assert found[500:503] == [["499", "texto 499"], ["500", '"sin cerrar'], ["501", "texto 501"]]


@pytest.mark.parametrize("size", [LARGEST_ROW + 10, 3 * LARGEST_ROW])
def test_an_endless_line_is_one_rejected_row(size: int, tmp_path: Path) -> None:
    content = b"id,texto\n1,a\n" + b"x" * size + b"\n2,b\n"
    found, rejected = cells(content, tmp_path, ",")
    assert (found, rejected) == ([["id", "texto"], ["1", "a"], ["2", "b"]], 1)


def spectrum(folder: Path) -> Iterator[tuple[str, bytes, list[dict[str, str]]]]:
    for file in sorted((folder / "csvs").iterdir()):
        if file.stem == "location_coordinates":
            # Its expected table has another telephone number than the file itself.
            continue
        expected = json.loads((folder / "json" / f"{file.stem}.json").read_text())
        yield file.name, file.read_bytes(), expected if isinstance(expected, list) else [expected]


def test_the_cases_of_csv_spectrum_give_their_expected_rows(shared_data: Path, tmp_path: Path) -> None:
    wrong = []
    for name, content, expected in spectrum(shared_data / "messy_csv" / "csv-spectrum"):
        rows, rejected = cells(content, tmp_path)
        found = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        if found != [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in expected] and (
            found != expected
        ):
            wrong.append((name, found, expected, rejected))
    assert not wrong


def messy_csv() -> ModuleType:
    """Loads the benchmark, which knows the expected tables and their scores."""
    path = Path(__file__).parents[3] / "bench" / "messy_csv.py"
    spec = importlib.util.spec_from_file_location("messy_csv", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["messy_csv"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_messy_files_give_their_expected_tables_or_say_which_rows_they_cannot(shared_data: Path) -> None:
    bench = messy_csv()
    results = [bench.ours(case) for case in bench.cases(shared_data / "messy_csv")]
    verdicts = Counter(result.verdict for result in results)
    assert len(results) == 183
    assert verdicts["exact"] >= 140
    # Nothing else is kept in silence; whatever else comes out of a reader would have ended the test.
    assert verdicts["differs"] == 0
    assert verdicts["refused"] <= 2
    polluted = [result for result in results if result.case.corpus == "polluted_files"]
    # DuckDB's sniffer, the best automatic reader of the benchmark's table, has 9.08 on all of its files.
    assert sum(bench.scores(polluted)) > 9.87


def test_both_readers_give_the_same_rows_and_places(shared_data: Path, tmp_path: Path) -> None:
    content = (shared_data / "messy_csv" / "encodings_derived" / "pipe_quote_all.csv").read_bytes()
    # A stray quote in the last row sends all of it through the careful reader.
    stray = content.rstrip(b"\r\n") + b'\n"a"b|c|d|e|f|g|h|i|j\n'
    fast, _ = cells(content, tmp_path)
    careful, _ = cells(stray, tmp_path)
    assert careful[:-1] == fast


async def test_a_wrong_encoding_is_told_in_the_job(tenant: Tenant) -> None:
    await tenant.add_account()
    content = "fecha,texto\n2024-01-05,año\n".encode("cp1252")
    job = await tenant.run(content, kind="posts", account="banco", encoding="utf-8")
    assert (job.status, job.code) == (FAILED, "WRONG_ENCODING")
    assert "line 2" in job.error
    job = await tenant.run(content, kind="posts", account="banco")
    assert (job.status, job.details["encoding"]) == (SUCCEEDED, "cp1252")
    [post] = await tenant.posts()
    assert post.contenido == "año"


async def test_delimiter_and_encoding_of_the_caller_win(tenant: Tenant) -> None:
    await tenant.add_account()
    content = "fecha~texto\n2024-01-05~щ, ; и\n".encode("koi8-r")
    job = await tenant.run(content, kind="posts", account="banco", encoding="koi8-r", delimiter="~")
    assert job.status == SUCCEEDED, job
    [post] = await tenant.posts()
    assert post.contenido == "щ, ; и"


async def test_a_row_with_a_nul_character_is_rejected_alone(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,texto\n2024-01-05,a\0b\n2024-01-06,c\n", kind="posts", account="banco")
    assert (job.rows_written, job.rows_rejected) == (1, 1), job
    [rejected] = await tenant.rejected(job.job_id)
    assert (rejected.column, rejected.reason) == ("texto", "has a NUL character")


async def test_names_with_a_nul_character_are_told_with_a_sign_in_its_place(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,a\0b\n2024-01-05,x\n", kind="posts", account="banco")
    assert (job.status, job.code) == (FAILED, "COLUMN_MISSING")
    assert job.error.endswith("the file has fecha, a\ufffdb.")
    job = await tenant.run("fecha,texto,a\0b\n2024-01-05,x,y\n", kind="posts", account="banco")
    assert (job.status, job.details["left_alone"]) == (SUCCEEDED, "a\ufffdb")
    content = "fecha,texto,likes\0\n2024-01-05,x,y\n"
    job = await tenant.run(content, kind="dataset", dataset="nul")
    assert (job.status, job.details["columns"]) == (SUCCEEDED, "fecha, texto, likes\ufffd")
    assert "likes\0" in (tenant.lake / job.details["path"]).read_text()


async def test_accounts_whose_names_have_a_nul_character_are_not_made(tenant: Tenant) -> None:
    content = "cuenta,fecha,texto\na\0b,2024-01-05,x\nbanco,2024-01-05,x\n"
    job = await tenant.run(content, kind="posts", account_column="cuenta", create_accounts=True)
    assert (job.status, job.rows_written, job.rows_rejected) == (SUCCEEDED, 1, 1), job
    assert list(await tenant.account_list()) == ["banco"]
