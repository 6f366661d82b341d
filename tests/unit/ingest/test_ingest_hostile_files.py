"""Files and texts that are made to hurt, in small: bad rows are told one by one, good ones are kept as they were sent.

tests/load/hostile_files.py reads the same in large and measures what it takes.
"""

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest
from atalaya.jobs.v1 import job_pb2
from ingest_service.reading.opening import Hints, open_table
from service_runtime.errors import ServiceError
from support.ingest_running import Tenant

pytestmark = pytest.mark.slow

SUCCEEDED = job_pb2.JobStatus.SUCCEEDED


def read(content: bytes, folder: Path) -> tuple[list[list[str]], list[tuple[int, str]]]:
    """Reads a file as imports do: header and rows, and the rejected rows' lines and reasons."""
    (folder / "source").write_bytes(content)
    table, _ = open_table(folder / "source", folder, Hints(), lambda _: 0)
    rows, rejected = [table.header], []
    for batch in table.batches(range(len(table.header))):
        rows += [list(row) for row in zip(*(c.to_pylist() for c in batch.rows.columns[3:]), strict=True)]
        rejected += [(row.line, row.reason) for row in batch.rejections]
    return rows, rejected


@pytest.mark.parametrize(
    "content",
    [
        b"x" * (5 << 20),
        b",".join(b"c%d" % number for number in range(100_000)) + b"\n1,2\n",
        b"\0" * (5 << 20),
        b"\n\r\n , \n",
        b'"' + b"a\n" * 30_000,
    ],
    ids=["one long line", "too many columns", "only NUL", "nothing but blanks", "a quote that opens the file"],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as caught:
        read(content, tmp_path)
    assert caught.value.reason in {"UNREADABLE_FILE", "EMPTY_FILE"}


def test_good_rows_around_bad_ones_are_kept_and_each_bad_one_is_told(tmp_path: Path) -> None:
    lines = [b"id,texto", b"1,a", b"," * 100_000, b"2,b", b"3", b"x" * (5 << 20), b"4,c", b'5,"d', b"6,e"]
    rows, rejected = read(b"\n".join(lines) + b"\n", tmp_path)
    assert rows == [["id", "texto"], ["1", "a"], ["2", "b"], ["4", "c"], ["5", '"d'], ["6", "e"]]
    assert rejected == [
        (3, "has 100001 cells, the header 2"),
        (5, "has 1 cells, the header 2"),
        (6, f"the line is longer than {4 << 20} bytes"),
    ]


def test_bad_rows_in_the_middle_of_a_large_file_leave_all_others_in_their_order(tmp_path: Path) -> None:
    """The fast reader goes on behind a block that only the careful one understands."""
    lines = [f"{number},texto numero {number}" for number in range(120_000)]
    for number in range(1000, 120_000, 20_000):
        lines[number] += ",de mas"
        lines[number + 1] = f'{number + 1},"sin cerrar {number}'
    rows, rejected = read(("id,texto\n" + "\n".join(lines)).encode(), tmp_path)
    assert [line for line, _ in rejected] == [number + 2 for number in range(1000, 120_000, 20_000)]
    numbers = [int(row[0]) for row in rows[1:]]
    assert numbers == [number for number in range(120_000) if number % 20_000 != 1000]
    assert rows[1001] == ["1001", '"sin cerrar 1000']


def test_line_ends_of_all_kinds_end_lines(tmp_path: Path) -> None:
    assert read(b"a,b\n1,2\r\n3,4\r5,6\n\r\n7,8", tmp_path)[0][1:] == [["1", "2"], ["3", "4"], ["5", "6"], ["7", "8"]]


def test_formulas_and_nul_are_kept_as_text(tmp_path: Path) -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")', "a\0b"]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["id", "texto"], *(["1", cell] for cell in cells)])
    rows, rejected = read(file.getvalue().encode(), tmp_path)
    assert ([row[1] for row in rows[1:]], rejected) == (cells, [])


def test_very_many_tiny_rows_are_counted_exactly(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"a\n" + b"1\n" * 500_000)
    table, _ = open_table(tmp_path / "source", tmp_path, Hints(), lambda _: 0)
    assert sum(batch.rows.num_rows for batch in table.batches([0])) == 500_000


TEXTS = {
    "bidi override": "factura\u202egnp.exe",
    "zero width": "ban\u200bco\u2060\ufeff",
    "look-alikes": "аdmin and admin",
    "composed": unicodedata.normalize("NFC", "ñandú"),
    "apart": unicodedata.normalize("NFD", "ñandú"),
    "emoji": "👨‍👩‍👧 🇲🇽 😀",
    "right to left": "שלום مرحبا",
    "one letter of many marks": "e" + "\u0301" * 200_000,
    "line separators": "a\u2028b\x85c\x0bd",
    "control": "a\x01\x1fb",
}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_texts_are_kept_as_sent_letter_by_letter(tenant: Tenant, form: str) -> None:
    await tenant.add_account()
    rows = [{"id": name, "fecha": "2024-01-05", "texto": text} for name, text in TEXTS.items()]
    if form == "jsonl":
        content = "\n".join(json.dumps(row) for row in rows)
    else:
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, ["id", "fecha", "texto"])
        writer.writeheader()
        writer.writerows(rows)
        content = file.getvalue()
    job = await tenant.run(content, kind="posts", account="banco")
    assert (job.status, job.rows_written, job.rows_rejected) == (SUCCEEDED, len(TEXTS), 0), job
    assert {post.id_externo: post.contenido for post in await tenant.posts()} == TEXTS


async def test_a_nul_character_costs_its_row_alone(tenant: Tenant) -> None:
    await tenant.add_account()
    rows = [("😀" * 500, "a"), ("n", "a\\u0000b")]
    content = "\n".join(f'{{"id": "{key}", "fecha": "2024-01-05", "texto": "{text}"}}' for key, text in rows)
    job = await tenant.run(content, kind="posts", account="banco", format="jsonl")
    assert (job.status, job.rows_written, job.rows_rejected) == (SUCCEEDED, 1, 1), job
    assert [(row.line, row.reason) for row in await tenant.rejected(job.job_id)] == [(2, "has a NUL character")]


async def test_names_of_accounts_that_only_look_alike_stay_apart_in_a_file(tenant: Tenant) -> None:
    names = ["admin", "аdmin", "ñandú"]
    content = "cuenta,fecha,texto\n" + "".join(f"{name},2024-01-05,a\n" for name in names)
    job = await tenant.run(content, kind="posts", account_column="cuenta", create_accounts=True)
    assert (job.rows_written + job.rows_rejected, job.status) == (3, SUCCEEDED), job
