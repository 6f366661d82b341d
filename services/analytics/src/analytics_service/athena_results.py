"""What Athena answers, as values: a page of its API, or in bulk the CSV file that it left."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from analytics_service.query_engine import Row

_WHOLE = ("tinyint", "smallint", "int", "integer", "bigint")
_PARSERS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(_WHOLE, int),
    "boolean": lambda text: text == "true",
    "double": float,
    "float": float,
    "real": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}


@dataclass(frozen=True)
class ResultColumn:
    """A column of an answer with its type as Athena names it."""

    name: str
    type: str
    precision: int = 38
    scale: int = 0

    def value(self, text: str | None) -> object:
        """The value that the text stands for; None stays None, and an empty text is one."""
        return None if text is None else _PARSERS.get(self.type, str)(text)


def columns_of(page: Mapping[str, Any]) -> list[ResultColumn]:
    """The columns of a page of results."""
    return [
        ResultColumn(info["Name"], info["Type"], info.get("Precision", 38), info.get("Scale", 0))
        for info in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    ]


def rows_of(page: Mapping[str, Any], columns: Sequence[ResultColumn]) -> list[Row]:
    """The rows of a first page; its first row repeats the names."""
    return [
        {column.name: column.value(cell.get("VarCharValue")) for column, cell in zip(columns, row["Data"], strict=True)}
        for row in page["ResultSet"]["Rows"][1:]
    ]


def read_csv(file: Path, columns: Sequence[ResultColumn]) -> Iterator[Any]:
    """Reads Athena's CSV file in record batches, in the order of its rows: every value stands in quotes, NULL is
    nothing at all."""
    from pyarrow import csv

    parse = csv.ParseOptions(newlines_in_values=True)
    convert = csv.ConvertOptions(
        column_types={column.name: _arrow_type(column) for column in columns},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["true"],
        false_values=["false"],
    )
    with csv.open_csv(file, parse_options=parse, convert_options=convert) as reader:
        yield from reader


def csv_rows(file: Path, columns: Sequence[ResultColumn], most: int | None = None) -> list[Row]:
    """All rows of the CSV file; where there are more than `most`, some more than that."""
    rows: list[Row] = []
    for batch in read_csv(file, columns):
        rows += batch.to_pylist()
        if most is not None and len(rows) > most:
            break
    return rows


def csv_to_parquet(file: Path, columns: Sequence[ResultColumn], target: Path) -> None:
    """Writes the rows of the CSV file as Parquet, in their order."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(column.name, _arrow_type(column)) for column in columns])
    with parquet.ParquetWriter(target, schema) as writer:
        for batch in read_csv(file, columns):
            writer.write_batch(batch)


def _arrow_type(column: ResultColumn) -> Any:
    import pyarrow as pa

    if column.type == "decimal":
        return pa.decimal128(column.precision, column.scale)
    named = {
        **dict.fromkeys(_WHOLE, pa.int64()),
        "integer": pa.int32(),
        "boolean": pa.bool_(),
        "double": pa.float64(),
        "float": pa.float64(),
        "real": pa.float64(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }
    return named.get(column.type, pa.string())
