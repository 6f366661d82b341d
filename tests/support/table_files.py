"""Rows as files of every format and packing, and files read as imports read them."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_service.reading.opening import Hints, open_table
from service_runtime.errors import ServiceError

POSTS = [
    {"id": "a", "fecha": "2024-01-05 10:00:00", "texto": 'Hola, "mundo"\nde nuevo', "likes": 5},
    {"id": "b", "fecha": "ayer", "texto": "sin fecha", "likes": 6},
    {"id": "c", "fecha": "2024-01-06 11:30:00", "texto": "año ñandú 😀", "likes": 7},
]


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    lines = [",".join(rows[0])]
    lines += [",".join('"' + str(cell).replace('"', '""') + '"' for cell in row.values()) for row in rows]
    return "\n".join(lines).encode()


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=2)
    return file.getvalue()


def as_xlsx(rows: list[dict[str, Any]], sheet: str = "Hoja 1") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in [list(rows[0]), *([*row.values()] for row in rows)]:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def zstd(data: bytes) -> bytes:
    file = pa.BufferOutputStream()
    with pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(data)
    return bytes(file.getvalue())


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "parquet": as_parquet,
    "xlsx": as_xlsx,
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zstd": zstd}


def rows(content: bytes, folder: Path, **hints: Any) -> tuple[list[list[str]], list[tuple[int, str]]]:
    """Reads a file as imports do: header and rows as texts, and the rejected rows' lines and reasons."""
    (folder / "source").write_bytes(content)
    table, _ = open_table(folder / "source", folder, Hints(**hints), lambda _: 0)
    found, rejected = [table.header], []
    for batch in table.batches(range(len(table.header))):
        found += [list(row) for row in zip(*(c.to_pylist() for c in batch.rows.columns[3:]), strict=True)]
        rejected += [(row.line, row.reason) for row in batch.rejections]
    return found, rejected


def refusal(content: bytes, folder: Path, **hints: Any) -> tuple[str, str]:
    """Gives the reason and the words for which a file cannot be read."""
    with pytest.raises(ServiceError) as caught:
        rows(content, folder, **hints)
    return caught.value.reason, caught.value.message
