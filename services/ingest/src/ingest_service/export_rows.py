"""Rows of exports as batches of typed columns: records that were copied out, transactions and datasets of the lake."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv
from service_runtime.errors import InvalidArgument
from service_runtime.lake import Lake

from ingest_service.export_columns import Column, arrow_schema, transaction_columns
from ingest_service.reading.layout import unique_names
from ingest_service.reading.lines import LARGEST_ROW

_BLOCK = 1 << 20
# A block must hold the longest row; datasets have none above that.
_DATASET_BLOCK = 2 * LARGEST_ROW
_ROWS = 8192
TRANSACTIONS = "datavision/transactions"


@dataclass(frozen=True)
class Rows:
    """The columns of an export, its rows with the share that is done after each batch, and the accounts they are of."""

    columns: list[Column]
    batches: Iterator[tuple[pa.RecordBatch, float]]
    accounts: Sequence[int] = ()


def copied_rows(file: Path, columns: list[Column], longest: int) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Reads what PostgreSQL wrote; `longest` is the size of its longest row, which a block must hold."""
    size = file.stat().st_size
    if not size:
        return
    schema = arrow_schema(columns)
    block = max(_BLOCK, 2 * longest)
    reader = csv.open_csv(
        file,
        read_options=csv.ReadOptions(column_names=schema.names, block_size=block, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )
    for number, batch in enumerate(reader, 1):
        yield batch, min(1.0, number * block / size)


def transaction_rows(
    lake: Lake, folder: Path, times: tuple[datetime | None, datetime | None]
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Reads the lake's files of transactions one after the other."""
    files = [found for found in lake.list(TRANSACTIONS) if found.path.endswith(".parquet")]
    schema = arrow_schema(transaction_columns())
    for number, found in enumerate(files, 1):
        local = folder / "transactions.parquet"
        lake.fetch(found.path, local)
        with pq.ParquetFile(local) as file:
            for batch in file.iter_batches(batch_size=_ROWS, columns=schema.names, use_threads=False):
                arrays = [pc.cast(batch.column(field.name), field.type) for field in schema]
                yield _between(pa.RecordBatch.from_arrays(arrays, schema=schema), times), number / len(files)
        local.unlink()


def _between(rows: pa.RecordBatch, times: tuple[datetime | None, datetime | None]) -> pa.RecordBatch:
    for moment, fits in zip(times, (pc.greater_equal, pc.less), strict=True):
        if moment is not None:
            rows = rows.filter(fits(rows.column("fecha"), pa.scalar(moment, pa.timestamp("us", "UTC"))))
    return rows


def dataset_rows(file: Path) -> Rows:
    """Opens a dataset as it lies in the lake: text cells, whatever they look like."""
    with _readable(), _open_dataset(file, None) as first:
        names = first.schema.names
    return Rows([Column(name, "text") for name in unique_names(names)[0]], _dataset_batches(file, names))


def _dataset_batches(file: Path, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
    size = max(1, file.stat().st_size)
    texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    with _readable(), _open_dataset(file, texts) as reader:
        for number, batch in enumerate(reader, 1):
            yield batch, min(1.0, number * _DATASET_BLOCK / size)


def _open_dataset(file: Path, converting: csv.ConvertOptions | None) -> csv.CSVStreamingReader:
    reading = csv.ReadOptions(block_size=_DATASET_BLOCK, use_threads=False)
    return csv.open_csv(file, reading, csv.ParseOptions(newlines_in_values=True), converting)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        raise InvalidArgument(
            "UNREADABLE_FILE", f"The dataset in the lake cannot be read as a table: {str(error)[:200]}"
        ) from error
