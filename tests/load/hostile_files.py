"""Reads files that are made to hurt, each in a process of its own, and shows what becomes of them and what they take.

    python tests/load/hostile_files.py [--scale 1.0] [case …]

With scale 1 the files have up to a gigabyte. The goal: the process takes at most 256 MB more than when idle, and every
file ends in rows, rejected rows with a reason, or a refusal in words.
"""

import argparse
import gzip
import io
import json
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

Pieces = Iterator[bytes]
_MB = 1 << 20


def one_line(scale: float) -> Pieces:
    """A gigabyte without a line end."""
    for _ in range(int(1024 * scale)):
        yield b"x" * _MB


def long_line_in_the_middle(scale: float) -> Pieces:
    """A gigabyte in one line of a table that is good before and behind it."""
    yield b"id,texto\n1,a\n2,"
    yield from one_line(scale)
    yield b"\n3,b\n"


def a_million_columns(scale: float) -> Pieces:
    yield b",".join(b"c%d" % number for number in range(int(1e6 * scale))) + b"\n1,2\n"


def a_row_of_a_million_cells(scale: float) -> Pieces:
    yield b"a,b\n1,2\n" + b"," * int(1e6 * scale) + b"\n3,4\n"


def quotes_that_never_close(scale: float) -> Pieces:
    yield b"id,texto\n"
    for number in range(int(1e6 * scale)):
        yield b'%d,"sin cerrar\n' % number if number % 1000 == 0 else b"%d,texto comun y corriente\n" % number


def one_quote_at_the_beginning(scale: float) -> Pieces:
    """A quote in the first row, and a gigabyte that has none."""
    yield b'id,texto\n0,"nada\n'
    for number in range(int(16 * scale * 1024)):
        yield (b"%d,texto\n" % number) * 4096


def nul_bytes(scale: float) -> Pieces:
    yield b"id,texto\n"
    for number in range(int(1e6 * scale)):
        yield b"%d,a\0b\n" % number


def only_nul_bytes(scale: float) -> Pieces:
    for _ in range(int(256 * scale)):
        yield b"\0" * _MB


def utf16(scale: float) -> Pieces:
    yield "\ufeffid,texto\n".encode("utf-16-le")
    for number in range(int(100 * scale)):
        yield (f"{number},año ñandú 😀\r\n" * 100_000).encode("utf-16-le")


def mixed_newlines(scale: float) -> Pieces:
    yield b"id,texto\n"
    for _ in range(int(2e6 * scale)):
        yield b"1,a\r\n2,b\r3,c\n"


def tiny_rows(scale: float) -> Pieces:
    yield b"a,b\n"
    for _ in range(int(1e4 * scale)):
        yield b"1,2\n" * 1000


def a_lying_header(scale: float) -> Pieces:
    """Three in ten rows have a cell that the header does not know of."""
    yield b"a,b\n"
    for _ in range(int(1e4 * scale)):
        yield (b"1,2\n" * 7 + b"1,2,3\n" * 3) * 100


def formulas(scale: float) -> Pieces:
    yield b"id,texto\n"
    for _ in range(int(1e3 * scale)):
        yield b'1,"=HYPERLINK(""http://x"")"\n2,+1\n3,-1\n4,@a\n' * 1000


def one_json_line(scale: float) -> Pieces:
    yield b'{"id": 1, "texto": "a"}\n{"id": 2, "texto": "'
    yield from one_line(scale)
    yield b'"}\n{"id": 3, "texto": "b"}\n'


def bad_json_lines(scale: float) -> Pieces:
    yield b'{"id": 1}\n'
    for _ in range(int(1e4 * scale)):
        yield b'{"id": \n' * 1000


def a_gzip_bomb(scale: float) -> Pieces:
    """Ten gigabytes of the same letter in some ten megabytes."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb") as packed:
        for _ in range(int(64 * scale) or 1):
            packed.write(b"x" * (16 * _MB))
    for _ in range(10):
        yield file.getvalue()


def a_workbook_of_a_million_rows(scale: float) -> Pieces:
    yield _workbook(int(1_048_575 * scale), b"")


def a_workbook_of_too_many_texts(scale: float) -> Pieces:
    texts = b"".join(b"<si><t>%d</t></si>" % number for number in range(int(5e6 * scale)))
    yield _workbook(10, texts)


def _workbook(rows: int, texts: bytes) -> bytes:
    from openpyxl import Workbook

    book, empty, file = Workbook(), io.BytesIO(), io.BytesIO()
    book.save(empty)
    main = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    row = b'<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="inlineStr"><is><t>texto %d</t></is></c></row>'
    with zipfile.ZipFile(empty) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part not in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"):
                new.writestr(part, old.read(part))
        with new.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(main)
            for number in range(1, rows + 1):
                sheet.write(row % ((number,) * 5))
            sheet.write(b"</sheetData></worksheet>")
        if texts:
            new.writestr("xl/sharedStrings.xml", b"<sst>" + texts + b"</sst>")
    return file.getvalue()


CASES: dict[str, Callable[[float], Pieces]] = {
    case.__name__: case
    for case in (
        one_line, long_line_in_the_middle, a_million_columns, a_row_of_a_million_cells, quotes_that_never_close,
        one_quote_at_the_beginning, nul_bytes, only_nul_bytes, utf16, mixed_newlines, tiny_rows, a_lying_header,
        formulas, one_json_line, bad_json_lines, a_gzip_bomb, a_workbook_of_a_million_rows,
        a_workbook_of_too_many_texts,
    )
}  # fmt: skip


def read_here(path: Path, folder: Path) -> dict[str, object]:
    """Reads a file as an import of a dataset does, in a process kept small like the worker's."""
    from ingest_service.small_process import keep_small

    keep_small()
    from ingest_service.dataset_file import DatasetWriter
    from ingest_service.reading.layout import unique_names
    from ingest_service.reading.opening import Hints, open_table
    from ingest_service.tabular_file import Rejections
    from service_runtime.errors import ServiceError

    idle = _peak()
    found: dict[str, object] = {"rows": 0}
    started, started_working = time.perf_counter(), time.process_time()
    rows, rejections = 0, Rejections()
    try:
        table, _ = open_table(path, folder, Hints(), lambda _: 0)
        with DatasetWriter(folder / "dataset.csv", unique_names(table.header)[0]) as writer:
            for batch in table.batches(range(len(table.header))):
                rows += batch.rows.num_rows
                rejections.add(batch.rejections)
                writer.write(batch.rows)
        reasons = {rejection.reason for rejection in rejections.kept}
        found = {"rows": rows, "rejected": rejections.count, "why": "; ".join(sorted(reasons))[:90]}
    except ServiceError as error:
        found = {"rows": 0, "rejected": 0, "why": str(error)[:110]}
    seconds, working = time.perf_counter() - started, time.process_time() - started_working
    return {**found, "seconds": seconds, "processor": working, "above_idle": (_peak() - idle) // 1024}


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--read", type=Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    options = parser.parse_args()
    if options.read:
        print(json.dumps(read_here(*options.read)))
        return
    print("| file | MB | rows | rejected | seconds | the processor's | MB above idle | why |")
    print("|---|---|---|---|---|---|---|---|")
    worst = 0
    for name in options.cases or CASES:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with (folder / "source").open("wb") as file:
                for piece in CASES[name](options.scale):
                    file.write(piece)
            size = (folder / "source").stat().st_size
            command = [sys.executable, __file__, "--read", str(folder / "source"), str(folder)]
            ended = subprocess.run(command, capture_output=True, check=True, text=True)
            got = json.loads(ended.stdout)
        worst = max(worst, got["above_idle"])
        print(
            f"| {name.replace('_', ' ')} | {size / 1e6:.0f} | {got['rows']} | {got['rejected']} | {got['seconds']:.1f} "
            f"| {got['processor']:.1f} | {got['above_idle']} | {got['why']} |",
            flush=True,
        )
    print(f"\nthe most above idle: {worst} MB (goal: at most 256)")
    sys.exit(worst > 256)


if __name__ == "__main__":
    main()
