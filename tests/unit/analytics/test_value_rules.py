"""Texts become values by the lake's rules, in CSV of any shape."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from analytics_service.datasets import AGENTS, POLICIES, Dataset
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.query_engine import Query, Source
from analytics_service.table_parser import TableParser
from hypothesis import given, settings
from hypothesis import strategies as st
from support import lake_rules

NUMBERS = [
    "1",
    "-1",
    "+1",
    "1.",
    ".5",
    "-.5e3",
    "1e5",
    "1E-5",
    "0017",
    "1_000",
    "1,5",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "1e999",
    "1e-999",
    "0x10",
    "1e",
    ".",
    "+",
    "-",
    "e5",
    "1.2.3",
    "١",
    "1d",
    "1f",
    "5%",
    "12345678901234567890",
    "--1",
    "+-1",
    "true",
    "NULL",
    "N/A",
]
TIMES = (
    "2024-01-31",
    "2024-02-30",
    "2024-1-5",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31T23:59:59.999999",
    "9999-12-31T23:00-05:00",
    "0001-01-01T00:30+01:00",
    "2024-01-31T10:20",
    "2024-01-31 10:20:30",
    "2024-01-31T10:20:30.5",
    "2024-01-31T10:20:30.123456789Z",
    "2024-01-31T10:20:30Z",
    "2024-01-31T10:20:30z",
    "2024-01-31t10:20:30",
    "2024-01-31T10:20:30+05",
    "2024-01-31T10:20:30-0530",
    "2024-01-31T10:20+05:30",
    "2024-01-31T10:20:30 +05:30",
    "2024-01-31T10:20:30+5",
    "2024-01-31T10:20:30+24:00",
    "2024-01-31T10:20:30+05:60",
    "2024-01-31T24:00:00",
    "2024-01-31T10:60",
    "2024-01-31T10:20:60",
    "2024-01-31T10",
    "2024-01-31T",
    "2024-01-31Z",
    "2024-01-31+05:00",
    "2024-01-31T10:20:30.",
    "2024-12-31T23:59:59-12:00",
    "20240131",
    "31/01/2024",
    "1706659200",
    "today",
    "NULL",
)
BOOLEANS = [
    "true",
    "TRUE",
    "t",
    "yes",
    "Y",
    "si",
    "Sí",
    "SÍ",
    "1",
    "false",
    "F",
    "no",
    "N",
    "0",
    "2",
    "01",
    "verdadero",
    "NULL",
    "1.0",
]
SPACES = ("", " ", "\t", "\u00a0", " \u00a0\t", "\v\f", "\r\n")


Parse = Callable[[Dataset, bytes | pa.Table], Awaitable[tuple[pd.DataFrame, dict[str, Any]]]]


@pytest.fixture(scope="module")
async def parse(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parse]:
    """Gives the typed table of a file, and the facts that were found."""
    folder = tmp_path_factory.mktemp("parse")
    engine = await started(folder)
    yield partial(typed, engine, folder)
    await engine.close()


async def started(folder: Path) -> DuckDbEngine:
    return DuckDbEngine(folder, memory_limit="300MB", threads=1, concurrency=2, timeout=60)


async def typed(
    engine: DuckDbEngine, folder: Path, dataset: Dataset, data: bytes | pa.Table
) -> tuple[pd.DataFrame, dict[str, Any]]:
    raw, target = folder / f"{uuid4().hex}.raw", folder / f"{uuid4().hex}.parquet"
    if isinstance(data, bytes):
        raw.write_bytes(data)
    else:
        pq.write_table(data, raw)
    facts = await TableParser(engine).parse(
        "tenant", dataset, "file.csv" if isinstance(data, bytes) else "file.parquet", raw, target
    )
    rows = await engine.rows(Query("tenant", "SELECT * FROM parsed", {"parsed": Source([target])}))
    columns = pq.read_schema(target).names
    return pd.DataFrame(rows, columns=columns, dtype=object), facts


def cells(table: pd.DataFrame, column: str) -> list[object]:
    return [None if value is None or value is pd.NaT else value for value in table[column]]


def quoted(texts: Sequence[str]) -> bytes:
    """A CSV with the texts as ids (so that the rows can be told apart), numbers, times and so on."""
    lines = [f'{index},"{text}"\n' for index, text in enumerate(texts)]
    return "".join(["id,value\n", *lines]).encode()


@pytest.mark.parametrize(
    ("dataset", "column", "texts", "rule"),
    [
        (POLICIES, "premium", [*NUMBERS, *SPACES, *(f" {text}\u00a0" for text in NUMBERS)], lake_rules.number),
        (POLICIES, "created_at", [*TIMES, *SPACES, *(f"\t{text} " for text in TIMES)], lake_rules.time),
        (AGENTS, "is_active", [*BOOLEANS, *SPACES, *(f" {text} " for text in BOOLEANS)], lake_rules.boolean),
    ],
)
async def test_texts_become_values_or_are_counted(
    parse: Parse, dataset: Dataset, column: str, texts: list[str], rule: Callable[[object], object]
) -> None:
    table, facts = await parse(dataset, quoted(texts).replace(b"value", column.encode(), 1))
    values = dict(zip(map(int, table["id"]), cells(table, column), strict=True))
    assert {text: values[index] for index, text in enumerate(texts)} == {text: rule(text) for text in texts}
    assert facts["bad_values"] == {column: lake_rules.bad_values(pd.Series(texts), rule)}


async def test_the_trimmed_text_is_kept_where_distinct_texts_are_counted(parse: Parse) -> None:
    table, _ = await parse(AGENTS, b"id,is_active\n1, perhaps \n")
    assert (cells(table, "is_active"), cells(table, "is_active_text")) == ([None], ["perhaps"])


async def test_a_text_of_a_backslash_and_a_number_is_a_text(parse: Parse) -> None:
    table, _ = await parse(AGENTS, b"id,code\n1,\\x01\n2,\\N\n")
    assert cells(table, "code") == ["\\x01", "\\N"]


async def test_ids_are_trimmed_texts_and_17_0_is_17(parse: Parse) -> None:
    table, _ = await parse(POLICIES, b"ID , Customer_Id\n 17.0 ,017\nA1, a1\n-3.0,1.5\n")
    assert cells(table, "id") == ["17", "A1", "-3"]
    assert cells(table, "customer_id") == ["017", "a1", "1.5"]


DIRTY = {
    "crlf": b"id,status\r\n1,a\r\n2,b\r\n",
    "mixed line ends": b"id,status\n1,a\r\n2,b\n3,c\r\n",
    "no last line end": b"id,status\n1,a",
    "bom": b"\xef\xbb\xbfid,status\n1,a\n",
    "bom and quoted header": b'\xef\xbb\xbf"id","status"\n1,a\n',
    "blank lines": b"\n\nid,status\n\n1,a\n   \n\t\n2,b\n\n",
    "short and long rows": b"id,status,premium\n1\n2,b\n3,c,4,5,6\n,,\n",
    "quotes": b'id,status\n1,"a, ""b"""\n2,"x\ny"\n3,"x\r\ny"\n',
    "stray quotes": b'id,status\n1,a"b\n2,"a"b\n3, "c"\n4,"d" \n',
    "quote never closed": b'id,status\n1,a\n2,"b\n3,c\n',
    "bad bytes": b"id,status\n1,a\xff\xfeb\n2,\xc3\xb1\xc3\n",
    "header alone": b"id,status\n",
    "lone carriage return": b"id,status\n1,a\rb\n2,\rc\n",
    "nul": b"id,status\n1,a\0b\n",
    "same name twice": b"id,ID,status\n1,2,a\n",
    "header over two lines": b'id,"sta\ntus",status\n1,x,a\n',
    "one column": b"id\n1\n\n2\n \n",
}


@pytest.mark.parametrize("name", DIRTY)
async def test_dirty_files_are_read_as_the_rules_say(parse: Parse, name: str) -> None:
    data = DIRTY[name]
    table, facts = await parse(POLICIES, data)
    if name == "lone carriage return":
        assert sorted(cells(table, "status")) == ["a\rb", "c"]  # type: ignore[type-var]
        return
    expected = lake_rules.read_csv(data)
    assert facts["columns"] == [column.name for column in POLICIES.columns if column.name in expected.columns]
    assert rows_of(table) == rows_of(expected.map(lake_rules.text))


def rows_of(table: pd.DataFrame) -> list[tuple[str, ...]]:
    columns = [table[name] if name in table else [None] * len(table) for name in ("id", "status")]
    return sorted(tuple("" if pd.isna(cell) else str(cell) for cell in row) for row in zip(*columns, strict=True))


TEXTS = st.text(alphabet='ab1 ,"\n\r\t\u00a0ñ;', max_size=6)


PARTS = st.lists(st.one_of(TEXTS, TEXTS.map(lambda text: '"' + text.replace('"', '""') + '"')), max_size=14)


def test_any_file_reads_as_the_csv_module_reads_it(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        engine = runner.run(started(tmp_path))

        @settings(max_examples=50, deadline=None)
        @given(PARTS, st.data())
        def holds(parts: list[str], data: st.DataObject) -> None:
            ends = data.draw(
                st.lists(st.sampled_from([",", ",", "\n", "\r\n"]), min_size=len(parts), max_size=len(parts))
            )
            body = "id,status\n" + "".join(part + end for part, end in zip(parts, ends, strict=True))
            # The csv module ends a line at a lone carriage return, the lake does not.
            content = re.sub(r"\r(?!\n)", "", body).encode()
            table, _ = runner.run(typed(engine, tmp_path, POLICIES, content))
            assert rows_of(table) == rows_of(lake_rules.read_csv(content).map(lake_rules.identifier))

        holds()
        runner.run(engine.close())


async def test_parquet_is_read_by_the_same_rules(parse: Parse) -> None:
    times = pd.DatetimeIndex(["2024-01-31T15:20:30Z", pd.NaT])
    table = pa.table(
        {
            "ID ": pa.array([17.0, None]),
            "premium": pa.array(["1_000", " 5 "]),
            "sum_insured": pa.array([1.5, float("nan")]),
            "created_at": pa.array(times),
            "start_date": pa.array(times.date),
            "status": pa.array([b"ACTIVE", b""], pa.binary()),
        }
    )
    result, facts = await parse(POLICIES, table)
    assert cells(result, "id") == ["17", None]
    assert cells(result, "premium") == [None, 5.0]
    assert cells(result, "sum_insured") == [1.5, None]
    assert str(result["created_at"][0]) == "2024-01-31 15:20:30"
    assert str(result["start_date"][0]) == "2024-01-31 00:00:00"
    assert cells(result, "status") == ["ACTIVE", None]
    assert facts["bad_values"] == {"premium": 1, "sum_insured": 1}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(4)])
async def test_bytes_of_parquet_that_are_not_utf8_cost_no_file(parse: Parse, kind: pa.DataType) -> None:
    table = pa.table({"id": ["1", "2", "3"], "status": pa.array([b"BAJA", b"a\xf1o ", "a\u00f1o".encode()], kind)})
    result, _ = await parse(POLICIES, table)
    assert cells(result, "status") == ["BAJA", "a\ufffdo", "a\u00f1o"]
