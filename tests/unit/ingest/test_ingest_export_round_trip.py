"""What is exported raw can be imported again and changes nothing, whatever the texts and numbers are."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_service.columns import known_names
from ingest_service.export_columns import arrow_schema, record_columns
from ingest_service.export_formats import open_format
from ingest_service.import_request import ImportRequest
from ingest_service.reading.opening import Hints, open_table
from ingest_service.tabular_file import TabularFile
from support.ingest_exports import exported
from support.ingest_running import Tenant

pytestmark = pytest.mark.slow

TYPES = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
NASTY = (
    "",
    " ",
    "\u00a0x\u3000",
    '"',
    '""',
    "a,b;c\td|e",
    "\r",
    "\n",
    "\r\n",
    "line\r\rline\n\nline\u2028\u2029\x85",
    "=1+1",
    "'=1+1",
    "+5",
    "-5",
    "@x",
    "#N/A",
    "#REF!",
    "NULL",
    "null",
    "NaN",
    "None",
    "\\N",
    "\\.",
    "TRUE",
    "1,234.50",
    "007",
    "1e5",
    "2024-01-05",
    "_x000D_",
    "_x005F_x000D_",
    "\x01\x1b[31m\x7f",
    "\ufeffbom",
    "\ufffe\uffff",
    "<r>a</r>",
    "<b>&amp;</b>]]>",
    "مرحبا \u202ertl",
    "👩‍👩‍👧‍👦🏳️‍🌈 \U0010ffff",
    "x" * 5000,
    "'; DROP TABLE posts; --",
    '{"a": [1, "b"]}',
    "é e\u0301",
)
text = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=3).map("".join),
)
short_text = text.filter(lambda drawn: len(drawn) <= 200)
count = st.integers(0, 2**31 - 1)
maybe = st.none() | count
FIRST = datetime(1900, 1, 1, tzinfo=UTC)
times = st.timedeltas(timedelta(0), datetime(2199, 12, 31, tzinfo=UTC) - FIRST).map(lambda since: FIRST + since)
posts = st.fixed_dictionaries(
    {
        "fecha_publicacion": times,
        "contenido": text,
        "likes": count,
        "comentarios": count,
        "compartidos": count,
        "impresiones": maybe,
        "alcance": maybe,
        "guardados": maybe,
        "reproducciones": maybe,
        "menciones": count,
        "tipo_contenido": short_text,
        "hashtags": text,
        "plataforma": short_text,
        "idioma": short_text,
        "id_externo": short_text,
    }
)
metrics = st.fixed_dictionaries(
    {
        "hora": times,
        "seguidores": count,
        "siguiendo": maybe,
        "publicaciones_totales": maybe,
        "alcance_promedio": maybe,
        "impresiones": maybe,
        "engagement_rate": st.none() | st.floats(-1e9, 1e9),
    }
)
KINDS = {"posts": posts, "metrics": metrics}


@pytest.mark.parametrize(
    ("kind", "name"), [*(("posts", name) for name in TYPES), ("metrics", "csv"), ("metrics", "xlsx")]
)
@given(data=st.data())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_a_file_is_written_from_is_what_an_import_reads(kind: str, name: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(KINDS[kind], min_size=1, max_size=20))
    columns = record_columns(kind)
    batch = pa.RecordBatch.from_pylist([{"cuenta": "=banco", **row} for row in rows], arrow_schema(columns))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = open_format(name, folder / "export", columns, raw=True)
        file.write(batch)
        file.close()
        table, _ = open_table(folder / "export", folder, Hints(name), known_names(kind, ["cuenta"]))
        read = TabularFile(table, ImportRequest(kind, account_column="cuenta"), folder / "spool")
        list(read.read())
        typed = pa.concat_tables(read.typed({"=banco": 1}, None))
        read.close()
    assert read.rejections.kept == []
    names = [column.name for column in columns[1:]]
    assert typed.select(names).cast(arrow_schema(columns[1:])).to_pylist() == batch.select(names).to_pylist()


# Every text in some row, and every column with such texts.
ROWS: dict[str, list[dict[str, object]]] = {
    "posts": [
        {
            "fecha_publicacion": f"2024-01-05T10:00:00.{number:06}Z",
            "contenido": words,
            "likes": 2**31 - 1 - number,
            "impresiones": number or None,
            "tipo_contenido": words[:50],
            "hashtags": words,
            "id_externo": words[:50] if number % 2 else "",
        }
        for number, words in enumerate(NASTY)
    ],
    "metrics": [
        {"hora": f"2024-01-{number + 1:02}", "seguidores": number, "engagement_rate": rate}
        for number, rate in enumerate([None, 0.0, -1.5e-07, 100 / 3, 0.1, 12345678.875, 1e-300])
    ],
    "comments": [
        {"texto": words or "x", "fecha": "2024-01-05T10:00:00.5Z", "post": f"p{number}", "autor": words[:50]}
        for number, words in enumerate(NASTY)
    ],
}
FORMATS = {"posts": list(TYPES), "metrics": ["jsonl", "xlsx"], "comments": ["csv", "parquet"]}


@pytest.mark.parametrize("kind", ROWS)
async def test_an_export_that_is_imported_again_changes_nothing(tenant: Tenant, kind: str) -> None:
    await tenant.add_account("=banco")
    lines = "\n".join(json.dumps(row) for row in ROWS[kind])
    first = await tenant.run(lines, TYPES["jsonl"], kind=kind, account="=banco", format="jsonl")
    assert (first.rows_written, first.rows_rejected) == (len(ROWS[kind]), 0), await tenant.rejected(first.job_id)
    record = f"SELECT * FROM {kind} WHERE tenant_id = {{tenant}} ORDER BY 2"  # noqa: S608
    before = tenant.query(record)
    for name in FORMATS[kind]:
        file = await exported(tenant, kind=kind, format=name, raw=True)
        again = await tenant.run(file, TYPES[name], kind=kind, account_column="cuenta", format=name)
        assert (name, again.rows_read, again.rows_unchanged) == (name, len(before), len(before)), again
    assert tenant.query(record) == before
