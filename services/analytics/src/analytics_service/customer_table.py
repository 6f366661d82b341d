"""The kept table of RFM customers: sorted by id in a memory-mapped file, so a look-up is a few comparisons."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's figures, scores and segment."""

    id_cuenta: str
    recencia: int
    frecuencia: int
    monto: float
    r: int
    f: int
    m: int
    segmento: str

    @property
    def rfm(self) -> str:
        """The three scores as digits."""
        return f"{self.r}{self.f}{self.m}"


class CustomerTable:
    """Looks customers up by id in an Arrow file whose pages the system loads as they are needed.

    pyarrow is imported with the first table: a service that nobody has asked yet stays small.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        file = pa.ipc.open_file(pa.memory_map(str(path)))
        # Batches of a file begin at their buffers' beginnings.
        batches = [file.get_batch(index) for index in range(file.num_record_batches)]
        self._batches = [_Batch(batch) for batch in batches if batch.num_rows]
        self._first_ids = [batch.ids.at(0) for batch in self._batches]

    def find(self, id_cuenta: str) -> Customer | None:
        """The customer of that id; None where there is none."""
        # In UTF-8 bytes are in the order of the characters that they stand for.
        wanted = id_cuenta.encode()
        place = bisect_right(self._first_ids, wanted) - 1
        if place < 0:
            return None
        batch = self._batches[place]
        row = bisect_left(range(batch.rows), wanted, key=batch.ids.at)
        if row == batch.rows or batch.ids.at(row) != wanted:
            return None
        return batch.customer(id_cuenta, row)

    @staticmethod
    def write(parquet: Path, target: Path) -> None:
        """Copies customers that are sorted by id from a Parquet file into the form that is mapped."""
        import pyarrow as pa
        from pyarrow import parquet as pq

        file = pq.ParquetFile(parquet)
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                writer.write_batch(batch)


class _Texts:
    """A column of texts, read from its bytes: an Arrow scalar for each comparison would take ten times as long."""

    def __init__(self, column: Any) -> None:
        _, offsets, content = column.buffers()
        self._offsets = memoryview(offsets).cast("i")
        self._content = memoryview(content)

    def at(self, row: int) -> bytes:
        return bytes(self._content[self._offsets[row] : self._offsets[row + 1]])


class _Batch:
    """Some customers in the order of their ids."""

    def __init__(self, batch: Any) -> None:
        self.rows: int = batch.num_rows
        self.ids = _Texts(batch.column("id_cuenta"))
        self._segments = _Texts(batch.column("segmento"))
        self._money = _figures(batch.column("monto")).cast("d")
        self._counts = {
            name: _figures(batch.column(name)).cast("i") for name in ("recencia", "frecuencia", "r", "f", "m")
        }

    def customer(self, id_cuenta: str, row: int) -> Customer:
        counts = {name: column[row] for name, column in self._counts.items()}
        return Customer(id_cuenta, monto=self._money[row], segmento=self._segments.at(row).decode(), **counts)


def _figures(column: Any) -> memoryview:
    return memoryview(column.buffers()[1])
