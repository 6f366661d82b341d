"""Rows of another width are taken out of a block at once, and are those that reading row by row finds."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_service.reading import table_file
from ingest_service.reading.careful_reader import CarefulReader
from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.table_file import TableFile

HEADER = "a,b,c\n"
CELLS = st.sampled_from(["1", "", "texto", '""', '"x"', '"x,y"', '"x""y"', '"x\ny"', '","', "é"])
LINES = st.lists(CELLS, min_size=1, max_size=5).map(",".join)
ENDS = st.sampled_from(["\n", "\r\n", "\n\n"])
FOUND = tuple[list[tuple[int, int, list[str]]], list[tuple[int, int, str]]]


def read(content: str) -> FOUND:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(content.encode())
        table = TableFile(PreparedText(path, 0, "UTF-8"), ",", lambda row: sum(cell in ("a", "b", "c") for cell in row))
        rows, rejections = [], []
        for batch in table.batches(range(3)):
            found = batch.rows.to_pylist()
            rows += [(row["line"], row["start"], [row["c0"], row["c1"], row["c2"]]) for row in found]
            rejections += [(one.line, one.start, one.reason) for one in batch.rejections]
        return rows, rejections


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), min_size=1, max_size=30))
def test_bad_rows_of_a_block_are_those_of_the_careful_reader(lines: list[tuple[str, str]]) -> None:
    # Enough good rows that the file is a table.
    content = HEADER + "1,2,3\n" * 40 + "".join(line + end for line, end in lines)
    fast = read(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableFile, "_fast_batches", lambda *_: iter(()))
        assert fast == read(content)


def test_a_file_of_many_bad_rows_is_not_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    content = HEADER + ("1,2,3\n" * 7 + '1,2,3,4\n"a,b",2\n1\n') * 3_000
    taken = 0

    class Counting(CarefulReader):
        def _passed(self, line: object) -> None:
            nonlocal taken
            taken += 1
            super()._passed(line)  # type: ignore[arg-type]

    monkeypatch.setattr(table_file, "CarefulReader", Counting)
    rows, rejections = read(content)
    assert (len(rows), len(rejections)) == (21_000, 9_000)
    assert rejections[:3] == [
        (9, 48, "has 4 cells, the header 3"),
        (10, 56, "has 2 cells, the header 3"),
        (11, 64, "has 1 cells, the header 3"),
    ]
    assert rows[-1] == (30_001 - 3, len(content) - 18 - 6, ["1", "2", "3"])
    # The first of them tell the header.
    assert taken < 1_000
