"""Parses one raw file of a dataset into a typed Parquet file, with what it has and what did not parse."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service_runtime.errors import Unprocessable

from analytics_service import csv_repair, csv_text
from analytics_service.datasets import Dataset, Kind
from analytics_service.duckdb_engine import text_of
from analytics_service.query_engine import Query, QueryEngine, QueryFailed, Source
from analytics_service.value_rules import decoded, typed_table

# Changes whenever something else would be made or told of a file; what older rules have made is then made anew.
RULES_VERSION = 4
# Large files take longer than callers wait; they find the table when they come again.
_PATIENCE_SECONDS = 600.0

# The columns that a file has, and the largest values that the typed table's writer told.
_Parsed = tuple[list[str], Mapping[str, str]]


class TableParser:
    """Turns CSV and Parquet files into typed tables, in bulk."""

    def __init__(self, engine: QueryEngine) -> None:
        self._engine = engine

    async def parse(self, owner: str, dataset: Dataset, path: str, raw: Path, target: Path) -> dict[str, Any]:
        """Writes `target` and tells its columns, its counts of bad values, and the newest times of its columns.

        `path` is the file's name for people.
        """
        try:
            if path.endswith(".parquet"):
                present, largest = await self._parse_parquet(owner, dataset, raw, target)
            else:
                present, largest = await self._parse_csv(owner, dataset, raw, target)
        except (csv_text.UnreadableCsv, QueryFailed) as error:
            raise Unprocessable("DATASET_UNREADABLE", f"{path} cannot be read as a table.", path=path) from error
        times = [column.name for column in dataset.columns if column.kind is Kind.TIME]
        return {
            "columns": present,
            "bad_values": await self._bad_values(owner, dataset, target, largest),
            "newest": {name: largest[name] for name in times if name in largest},
        }

    async def _parse_parquet(self, owner: str, dataset: Dataset, raw: Path, target: Path) -> _Parsed:
        # Every type goes through its text: one set of rules for all, whatever wrote the file.
        table = f"read_parquet({text_of(raw)}, hive_partitioning = false)"
        columns = await self._engine.rows(Query(owner, f"DESCRIBE SELECT * FROM {table}"))  # noqa: S608
        kinds = {str(column["column_name"]): str(column["column_type"]) for column in reversed(columns)}
        texts = _texts(
            dataset, {name.strip().lower(): _parquet_text(_quoted(name), kind) for name, kind in kinds.items()}
        )
        return list(texts), await self._write(owner, typed_table(dataset, texts, table), target)

    async def _parse_csv(self, owner: str, dataset: Dataset, raw: Path, target: Path) -> _Parsed:
        file = await asyncio.to_thread(csv_text.inspect, raw)
        texts = _cells(dataset, file)
        if not file.header:
            return [], await self._write(owner, typed_table(dataset, {}, "(SELECT 1 WHERE false)"), target)
        if file.is_plain:
            try:
                return list(texts), await self._write(owner, typed_query(dataset, file), target)
            except QueryFailed:
                # Not as plain as it looked: short rows, long rows, stray quotes.
                pass
        repaired = raw.with_suffix(".repaired.parquet")
        try:
            await csv_repair.repaired(file, repaired)
            table = typed_table(dataset, texts, f"read_parquet({text_of(repaired)})")
            return list(texts), await self._write(owner, table, target)
        finally:
            repaired.unlink(missing_ok=True)

    async def _write(self, owner: str, sql: str, target: Path) -> Mapping[str, str]:
        return await self._engine.write(Query(owner, sql, seconds=_PATIENCE_SECONDS), target)

    async def _bad_values(
        self, owner: str, dataset: Dataset, target: Path, largest: Mapping[str, str]
    ) -> dict[str, int]:
        # Mostly all values parse, and the writer has seen it: no `_bad` is true.
        fallible = [column.name for column in dataset.columns if column.kind.can_fail]
        suspect = [name for name in fallible if largest.get(f"{name}_bad") != "0"]
        if not suspect:
            return {}
        counts = ", ".join(f'count(*) FILTER ("{name}_bad") AS "{name}"' for name in suspect)
        query = Query(owner, f"SELECT {counts} FROM parsed", {"parsed": Source([target])})  # noqa: S608
        (row,) = await self._engine.rows(query)
        return {name: count for name, count in row.items() if count}


def typed_query(dataset: Dataset, file: csv_text.CsvFile) -> str:
    """The query that reads a plain CSV file as the dataset's typed table, and fails where the file is not plain."""
    return typed_table(dataset, _cells(dataset, file), _plain(file), is_trimmed=file.is_trimmed)


def _cells(dataset: Dataset, file: csv_text.CsvFile) -> dict[str, str]:
    return _texts(dataset, {name: f"c{index}" for index, name in reversed(list(enumerate(file.header)))})


def _texts(dataset: Dataset, expressions: Mapping[str, str]) -> dict[str, str]:
    """The SQL of the dataset's columns that the file has; of several with one name, the first."""
    return {column.name: expressions[column.name] for column in dataset.columns if column.name in expressions}


def _parquet_text(column: str, kind: str) -> str:
    return decoded(column) if kind == "BLOB" else f"{column}::VARCHAR"


def _plain(file: csv_text.CsvFile) -> str:
    """Strict reading, which refuses any row that is not plain rather than guess."""
    width = len(file.header)
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    table = (
        f"read_csv({text_of(file.path)}, auto_detect = false, header = false, skip = 1, delim = ',', quote = '\"',"
        f" escape = '\"', comment = '', strict_mode = true, null_padding = false, nullstr = '',"
        f" columns = {{{columns}}})"
    )
    # In a file of one column a line of white space would pass for a row.
    return table if width > 1 else f"(SELECT * FROM {table} WHERE trim(c0, ' ' || chr(9) || chr(160)) <> '')"  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
