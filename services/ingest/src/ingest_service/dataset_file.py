"""The file of a dataset: CSV of text cells, all of them quoted, so that an empty row or cell is one."""

from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from ingest_service.reading.layout import unique_names
from ingest_service.reading.table import Table


def write_dataset(table: Table, target: Path) -> None:
    """Writes a table in the layout of datasets, without the rows that are none."""
    with DatasetWriter(target, unique_names(table.header)[0]) as writer:
        for batch in table.batches(range(len(table.header))):
            writer.write(batch.rows)


class DatasetWriter:
    """Writes batches of rows, behind a header where they do not go behind other rows."""

    def __init__(self, target: Path, names: list[str], *, header: bool = True) -> None:
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._file = csv.CSVWriter(str(target), self._schema, write_options=csv.WriteOptions(include_header=header))

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, rows: pa.RecordBatch) -> None:
        self._file.write_batch(pa.RecordBatch.from_arrays(rows.columns[3:], schema=self._schema))
