"""What stands behind the stand-in for Athena: Trino itself, or DuckDB reading Athena's dialect back."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import boto3
import duckdb
import httpx
import pyarrow as pa
import sqlglot
from pyarrow import parquet
from sqlglot import exp

from support import s3
from support.athena_server import Column, QueryError, Result

# How Trino's types are called by Athena.
_NAMES = {"timestamp(3)": "timestamp", "timestamp(6)": "timestamp"}
_DUCKDB_NAMES = {"integer": "integer", "hugeint": "bigint", "timestamp_ms": "timestamp"}
# How long a Trino server that has just started may take until queries run.
_NODE_SECONDS = 30


def glue() -> Any:
    """A client of the stand-in for Glue, which is the S3 server too."""
    return boto3.client(
        "glue", endpoint_url=s3.endpoint(), region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )


class TrinoBackend:
    """Runs queries on a Trino server whose tables are those of Glue."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, text: str, parameters: Sequence[str], database: str) -> Result:
        headers = {"X-Trino-User": "test", "X-Trino-Catalog": "awsdatacatalog", "X-Trino-Schema": database}
        if parameters:
            headers["X-Trino-Prepared-Statement"] = f"asked={quote_plus(text)}"
            text = f"EXECUTE asked USING {', '.join(parameters)}"
        until = time.monotonic() + _NODE_SECONDS
        with httpx.Client(timeout=60) as client:
            while True:
                try:
                    return self._run(client, text, headers)
                except QueryError as error:
                    # A server that has just started knows itself as a node of its catalogs some seconds later.
                    if "NO_NODES_AVAILABLE" not in str(error) or time.monotonic() > until:
                        raise
                time.sleep(0.2)

    def _run(self, client: httpx.Client, text: str, headers: Mapping[str, str]) -> Result:
        columns: list[Column] = []
        rows: list[list[str | None]] = []
        answer = client.post(f"{self._url}/v1/statement", content=text.encode(), headers=headers).json()
        while True:
            if "error" in answer:
                raise QueryError(f"{answer['error']['errorName']}: {answer['error']['message']}")
            columns = columns or [_trino_column(column) for column in answer.get("columns", ())]
            rows += [[_text(cell) for cell in row] for row in answer.get("data", ())]
            if "nextUri" not in answer:
                return Result(columns, rows, answer["stats"].get("physicalInputBytes", 0))
            answer = client.get(answer["nextUri"]).json()


def _trino_column(column: dict[str, Any]) -> Column:
    kind = column["type"]
    if decimal := re.fullmatch(r"decimal\((\d+), ?(\d+)\)", kind):
        return Column(column["name"], "decimal", int(decimal[1]), int(decimal[2]))
    return Column(column["name"], _NAMES.get(kind, re.sub(r"\(\d+\)$", "", kind)))


class DuckDbBackend:
    """Reads a query in Athena's dialect back into DuckDB's, over the Parquet files that Glue's tables name."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._lock = threading.Lock()

    def run(self, text: str, parameters: Sequence[str], database: str) -> Result:
        with self._lock:
            try:
                return self._run(text, parameters)
            except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
                raise QueryError(f"SYNTAX_ERROR: {error}") from error

    def _run(self, text: str, parameters: Sequence[str]) -> Result:
        parsed = sqlglot.parse_one(text, read="athena")
        constants = [sqlglot.parse_one(parameter, read="athena") for parameter in parameters]
        marks = [node for node in parsed.dfs() if isinstance(node, exp.Placeholder)]
        if len(marks) != len(constants):
            raise QueryError("INVALID_PARAMETER_USAGE: Incorrect number of parameters")
        bytes_scanned = sum(self._load(table) for table in list(parsed.find_all(exp.Table)) if table.db)
        moved = _bound(parsed.sql(dialect="duckdb"), [constant.sql(dialect="duckdb") for constant in constants])
        cursor = self._connection.cursor()
        answer = cursor.execute(moved)
        columns = [_duckdb_column(column[0], str(column[1])) for column in answer.description or ()]
        return Result(columns, [[_text(cell) for cell in row] for row in answer.fetchall()], bytes_scanned)

    def _load(self, table: exp.Table) -> int:
        client = glue()
        try:
            found = client.get_table(DatabaseName=table.db, Name=table.name)["Table"]["StorageDescriptor"]
        except client.exceptions.EntityNotFoundException as error:
            raise QueryError(f"TABLE_NOT_FOUND: Table '{table.name}' does not exist") from error
        bucket, _, prefix = found["Location"].removeprefix("s3://").partition("/")
        listed = s3.client().list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if not listed:
            raise QueryError(f"HIVE_FILESYSTEM_ERROR: {found['Location']} does not exist")
        bodies = [s3.client().get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed]
        content = pa.concat_tables(
            [parquet.read_table(io.BytesIO(body)) for body in bodies], promote_options="permissive"
        )
        self._connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.db}"')
        self._connection.register("incoming", content.select([column["Name"] for column in found["Columns"]]))
        self._connection.execute(f'CREATE OR REPLACE TABLE "{table.db}"."{table.name}" AS FROM incoming')
        return sum(item["Size"] for item in listed)


def _bound(text: str, constants: Sequence[str]) -> str:
    """Puts constants into the place of `?`, in order; none of our texts has one in quotes."""
    left = iter(constants)
    return re.sub(r"\?", lambda _: next(left), text)


def _duckdb_column(name: str, kind: str) -> Column:
    kind = kind.lower()
    if decimal := re.fullmatch(r"decimal\((\d+), ?(\d+)\)", kind):
        return Column(name, "decimal", int(decimal[1]), int(decimal[2]))
    return Column(name, _DUCKDB_NAMES.get(kind, kind))


def _text(cell: object) -> str | None:
    """A value as Athena writes it."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "milliseconds")
    if isinstance(cell, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(cell), repr(cell))
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
