"""Files that are damaged, lie about themselves or unpack to too much are refused in words, with bounded room."""

import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_service.reading.opening import Hints, open_table
from openpyxl.worksheet._reader import WorkSheetParser
from support.table_files import PACKINGS, POSTS, as_xlsx, refusal, rows


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_what_grows_too_large_when_unpacked_is_stopped(tmp_path: Path, packing: str) -> None:
    bomb = PACKINGS[packing](b"a,b\n" + b"0" * (8 << 20))
    assert refusal(bomb, tmp_path, largest=1 << 20)[0] == "FILE_TOO_LARGE"
    assert (tmp_path / "unpacked").stat().st_size <= 1 << 20
    # The control: with room enough it is read.
    rows(PACKINGS[packing](b"a,b\n1,2\n"), tmp_path, largest=1 << 20)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_or_cut_packing_is_refused(tmp_path: Path, packing: str) -> None:
    whole = PACKINGS[packing](b"a,b\n" + b"1,2\n" * 1000)
    for content in (whole[:-5], whole + b"junk and more junk", whole[:20] + b"\0\0\0\0" + whole[24:]):
        reason, message = refusal(content, tmp_path)
        assert (reason, packing in message) == ("UNREADABLE_FILE", True)
    assert refusal(PACKINGS[packing](whole), tmp_path) == ("UNREADABLE_FILE", "The file is compressed twice.")


def test_a_workbook_that_would_unpack_to_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = io.BytesIO(as_xlsx(POSTS))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.bin", b"\0" * (9 << 20))
    assert refusal(file.getvalue(), tmp_path, largest=8 << 20)[0] == "FILE_TOO_LARGE"
    assert len(rows(file.getvalue(), tmp_path, largest=32 << 20)[0]) == 4


def _with_part(name: str, content: bytes) -> bytes:
    """Gives a workbook with one of its parts replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_xlsx(POSTS))) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return file.getvalue()


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s<sheetData>%s</sheetData></worksheet>'
CELL = b'<c r="A%d" t="inlineStr"><is><t>%s</t></is></c>'


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is(tmp_path: Path) -> None:
    page = b"".join(b'<row r="%d">%s</row>' % (row, CELL % (row, b"x%d" % row)) for row in (1, 2, 3))
    content = _with_part("xl/worksheets/sheet1.xml", SHEET % (b'<dimension ref="A1:XFD1048576"/>', page))
    assert rows(content, tmp_path)[0] == [["x1"], ["x2"], ["x3"]]
    far = b'<row r="1">%s</row><row r="99999999">%s</row>' % (CELL % (1, b"a"), CELL % (99999999, b"b"))
    assert refusal(_with_part("xl/worksheets/sheet1.xml", SHEET % (b"", far)), tmp_path)[0] == "UNREADABLE_FILE"


def test_a_sheet_is_not_read_through_for_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_: WorkSheetParser) -> None:
        raise AssertionError("a sheet that does not tell its size would be read to its end for it")

    monkeypatch.setattr(WorkSheetParser, "parse_dimensions", asked)
    assert rows(as_xlsx([{"a": "x"}]), tmp_path) == ([["a"], ["x"]], [])


def test_entities_of_a_made_up_workbook_are_not_expanded(tmp_path: Path) -> None:
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    page = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "ha">' + laughs + b"]>"
    page += SHEET % (b"", b'<row r="1">%s</row>' % (CELL % (1, b"&l11;")))
    assert refusal(_with_part("xl/worksheets/sheet1.xml", page), tmp_path)[0] == "UNREADABLE_FILE"


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"x" * 100, b"PAR1" + b"x" * 100, b"PAR1", b"\x1f\x8b", b"{}\n{}"])
def test_broken_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    reason, message = refusal(content, tmp_path, format="jsonl" if content.startswith(b"{") else "")
    assert (reason, len(message) > 20) == ("UNREADABLE_FILE", True)


def test_a_workbook_that_was_damaged_on_its_way_is_refused_in_words(tmp_path: Path) -> None:
    content, name = as_xlsx([{"a": "x" * 100}]), b"xl/worksheets/sheet1.xml"
    begin = content.index(name) + len(name)
    bad_bytes = content[:begin] + b"\xff" * 20 + content[begin + 20 :]
    # The last record says where the list of parts begins: here so far behind that they would begin before the file.
    place = int.from_bytes(content[-6:-2], "little") + len(content)
    bad_place = content[:-6] + place.to_bytes(4, "little") + content[-2:]
    assert [refusal(bad, tmp_path)[0] for bad in (bad_bytes, bad_place)] == ["UNREADABLE_FILE"] * 2


def test_a_column_of_parquet_whose_name_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"abc": [1]}), file, store_schema=False)
    assert refusal(file.getvalue().replace(b"abc", b"a\xff\xff"), tmp_path)[0] == "UNREADABLE_FILE"


@pytest.mark.slow
def test_texts_of_a_dictionary_do_not_take_the_room_of_all_their_rows(tmp_path: Path) -> None:
    text = "x" * (1 << 20)
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([text] * 500), "n": pa.array(range(500))}), file)
    (tmp_path / "source").write_bytes(file.getvalue())
    table, _ = open_table(tmp_path / "source", tmp_path, Hints(), lambda _: 0)
    sizes = [batch.rows.nbytes for batch in table.batches([0, 1])]
    assert (max(sizes) <= 16 << 20, sum(sizes) > 500 << 20) == (True, True)
    assert refusal(file.getvalue(), tmp_path, largest=64 << 20)[0] == "FILE_TOO_LARGE"
