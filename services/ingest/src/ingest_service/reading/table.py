"""What imports read: a table of text cells, whatever the file's format is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from ingest_service.reading.rejection import Rejection, Rejections

_PLACES = [("line", pa.int32()), ("start", pa.int64()), ("size", pa.int32())]


@dataclass(frozen=True)
class Batch:
    """Rows as `line`, `start`, `size` and the wanted columns c0, c1, … as text; and the rows that are none.

    `done` is the share of the file that has been read.
    """

    rows: pa.RecordBatch
    rejections: Rejections
    done: float


class Table(Protocol):
    """A file with named columns. Its rows may be read several times."""

    @property
    def part(self) -> str:
        """Which of the file's tables it is, where it has several; empty for the first."""

    @property
    def header(self) -> list[str]:
        """The columns' names as they stand in the file."""

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        """Reads the rows in the file's order."""

    def raw(self, rejection: Rejection, most: int) -> str:
        """Gives a rejected row as it stands in the file, at most so many characters."""

    def cells(self, text: str) -> list[str]:
        """Gives the cells of a row by its text from `raw`, one for each column; empty, or another number of them, where
        they cannot be told."""

    def told(self) -> dict[str, str]:
        """Says what was assumed, for the job; what comes to light in reading is told after it."""


def batch_schema(columns: int) -> pa.Schema:
    """Gives the schema of a batch's rows with so many columns."""
    return pa.schema([*_PLACES, *((f"c{place}", pa.string()) for place in range(columns))])
