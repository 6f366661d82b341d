"""What an import is measured against: a bare COPY of its rows, and a bare Delta write of them."""

import shutil
import time
from pathlib import Path
from uuid import uuid4

import deltalake
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from import_rows import COPIED
from ingest_service.lake_tables import POSTS_TABLE
from pyarrow import csv

PIECE = 1 << 20
_OWN_ROWS = "tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid"


def bare_copy(superuser_url: str, file: Path) -> float:
    """Copies the file into a new table like `posts`, with its indexes and its row-level security, which lets only a
    superuser COPY; gives the seconds."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("CREATE TABLE bare (LIKE posts INCLUDING ALL)")
        connection.execute(f"ALTER TABLE bare ALTER tenant_id SET DEFAULT '{uuid4()}'")
        connection.execute("ALTER TABLE bare ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        connection.execute(f"CREATE POLICY own ON bare USING ({_OWN_ROWS}) WITH CHECK ({_OWN_ROWS})")
        connection.commit()
        started = time.perf_counter()
        with (
            file.open("rb") as source,
            connection.cursor().copy(
                f"COPY bare ({', '.join(COPIED)}) FROM STDIN "
                "(FORMAT csv, FORCE_NOT_NULL (plataforma, idioma, hashtags))"
            ) as copy,
        ):
            while piece := source.read(PIECE):
                copy.write(piece)
        connection.commit()
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE bare")
    return seconds


def lake_rows(file: Path) -> pa.Table:
    """Gives the same rows in memory, as the lake's table has them."""
    types = {name: POSTS_TABLE.schema.field(name).type for name in COPIED}
    table = csv.read_csv(
        file,
        csv.ReadOptions(column_names=COPIED),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
    cuenta = pc.binary_join_element_wise("banco", table.column("id_usuario").cast(pa.string()), "")
    mes = pc.strftime(table.column("fecha_publicacion"), "%Y-%m")
    table = table.append_column("cuenta", cuenta).append_column("mes", mes)
    for field in POSTS_TABLE.schema:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(POSTS_TABLE.schema.names)


def bare_delta(rows: pa.Table, folder: Path) -> float:
    """Writes the rows to a new Delta table with the lake's partitions; gives the seconds."""
    started = time.perf_counter()
    deltalake.write_deltalake(str(folder), rows, partition_by=list(POSTS_TABLE.partitioned_by))
    seconds = time.perf_counter() - started
    shutil.rmtree(folder)
    return seconds
