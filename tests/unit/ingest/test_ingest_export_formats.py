"""Lines of JSON that are made a column at a time are those that a writer of JSON would make."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from ingest_service import export_formats
from ingest_service.export_columns import Column
from ingest_service.export_formats import open_format

TEXTS = [*(f"a{chr(number)}b" for number in range(256)), "", "null", '"', "\\", "\\u0041", "é\u2028😀", "}\n{", None]


def test_texts_are_escaped_as_a_writer_of_json_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer rows at once than there are, as long names have it.
    monkeypatch.setattr(export_formats, "_MOST_KEYS", 1000)
    columns = [Column('clave "a\\', "text"), Column("likes", "count"), Column("texto", "text")]
    counts = [None, *range(1, len(TEXTS))]
    rows = pa.record_batch(
        [pa.array(TEXTS, pa.string()), pa.array(counts, pa.int32()), pa.array(["bien"] * len(TEXTS), pa.string())],
        names=[column.name for column in columns],
    )
    file = open_format("jsonl", tmp_path / "file", columns, raw=False)
    file.write(rows)
    file.write(rows.slice(3, 2))
    file.write(rows.slice(0, 0))
    file.close()
    wanted = [*rows.to_pylist(), *rows.slice(3, 2).to_pylist()]
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in wanted]
    assert (tmp_path / "file").read_bytes().decode() == "".join(f"{line}\n" for line in lines)
