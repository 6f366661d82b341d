"""Any table that is written as CSV comes back cell by cell, whatever its dialect, or is refused in words."""

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ingest_service.dataset_file import write_dataset
from ingest_service.reading.opening import Hints, open_table
from service_runtime.errors import ServiceError

Rows = list[list[str]]
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
# What does not pair, cannot be told from what separates, or hides: bidi and zero-width characters, accents apart and
# together, letters of other scripts that look alike, four-byte emoji, right-to-left names.
LETTERS = st.sampled_from(
    [
        *"abcÑñé €,;|\t\"'\n\r=+-@",
        "\u202e",
        "\u200b",
        "a",
        "e\u0301",
        "é",
        "😀",
        "👨‍👩‍👧",
        "עברית",
        "\0",
        "\u2028",
        "\x85",
        "0",
        "1.5",
    ]
)
CELLS = st.lists(LETTERS, max_size=6).map("".join)
NAMES = ["id", "nombre", "texto largo", "año", "Total (€)"]


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Gives tables with names that are words, whose last row has content."""
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))
    assume(not rows or any(cell.strip() for cell in rows[-1]))
    return [NAMES[:width], *rows]


def written(rows: Rows, delimiter: str, newline: str, quoting: Literal[0, 1], quote: str) -> str:
    # Python's writer leaves line ends other than its own unquoted.
    quoting = csv.QUOTE_ALL if any("\r" in cell or "\n" in cell for row in rows for cell in row) else quoting
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter=delimiter,
        lineterminator=newline,
        quoting=quoting,
        quotechar=quote,
    )
    writer.writerows(rows)
    return file.getvalue()


def read(content: bytes, folder: Path, **hints: Any) -> tuple[Rows, int]:
    """Imports a file as a dataset: what is kept, and how many rows are not."""
    (folder / "source").write_bytes(content)
    table, _ = open_table(folder / "source", folder, Hints(**hints), lambda _: 0)
    write_dataset(table, folder / "dataset.csv")
    rejected = sum(len(batch.rejections) for batch in table.batches([]))
    with (folder / "dataset.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file)), rejected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=tables(),
    delimiter=st.sampled_from(list(DELIMITERS.values())),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quote=st.sampled_from(['"', "'"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_a_table_told_its_dialect_comes_back_cell_by_cell(
    rows: Rows, delimiter: str, newline: str, quote: str, quoting: Literal[0, 1], encoding: str, tmp_path: Path
) -> None:
    # A quote that is not the usual one has to show itself in the first cell.
    assume(quote == '"' or (quoting == csv.QUOTE_ALL and not any('"' in cell for row in rows for cell in row)))
    text = written(rows, delimiter, newline, quoting, quote)
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    found, rejected = read(content, tmp_path, delimiter=delimiter, encoding=encoding)
    assert (found, rejected) == (rows, 0)


# Tables as people have them: no cell is but signs that separate.
WORDS = st.text("abc ñé0123456789.€", max_size=8).map(str.strip)
TEXTS = st.one_of(
    WORDS, st.builds("{}, {}; {}".format, WORDS, WORDS, WORDS), st.builds('{} "{}"\n{}'.format, WORDS, WORDS, WORDS)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    width=st.integers(2, 5),
    delimiter=st.sampled_from(list(DELIMITERS.values())),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(ENCODINGS[:6]),
)
def test_a_table_told_nothing_comes_back_cell_by_cell_or_is_refused(
    data: st.DataObject, width: int, delimiter: str, newline: str, quoting: Literal[0, 1], encoding: str, tmp_path: Path
) -> None:
    rows = data.draw(st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1, max_size=8))
    assume(any(rows[-1]))
    table = [NAMES[:width], *rows]
    content = written(table, delimiter, newline, quoting, '"').encode(encoding)
    try:
        found, rejected = read(content, tmp_path)
    except ServiceError as error:
        assert error.reason in {"UNREADABLE_FILE", "ENCODING_UNKNOWN", "WRONG_ENCODING"}
        return
    assert (found, rejected) == (table, 0)


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2,3\n4,5\n", "a,b\n" + "1,2,3\n" * 30, "a,b,c\n" + "1,2\n" * 30, "sin tabla\n" * 30, "a\n1,2\n3,4\n"],
)
def test_nothing_of_a_lying_header_is_lost_in_silence(text: str, tmp_path: Path) -> None:
    found, rejected = read(text.encode(), tmp_path)
    told = re.sub(r"column_\d", "", ",".join(",".join(row) for row in found))
    kept = Counter(re.findall(r"\d", told))
    assert rejected or kept == Counter(re.findall(r"\d", text))


@pytest.mark.parametrize("text", ["a,b,c\n" + "1\n" * 30, "a,b,c\n" + "1,2,3,4,5\n" * 30])
def test_a_header_that_hardly_any_row_fits_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="UNREADABLE_FILE: Of the first 30 rows only 0 have 3 cells"):
        read(text.encode(), tmp_path)
