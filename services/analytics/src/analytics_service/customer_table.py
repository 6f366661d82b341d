"""The kept table of RFM customers: sorted by id in a memory-mapped file, so a look-up is a few comparisons."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
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


class CustomerTable:
    """Looks customers up by id in an Arrow file whose pages the system loads as they are needed.

    pyarrow is imported with the first table: a service that nobody has asked yet stays small.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        file = pa.ipc.open_file(pa.memory_map(str(path)))
        batches = [file.get_batch(index) for index in range(file.num_record_batches)]
        self._batches = [batch for batch in batches if batch.num_rows]
        self._first_ids = [batch.column("id_cuenta")[0].as_py() for batch in self._batches]

    def find(self, id_cuenta: str) -> Customer | None:
        """The customer of that id; None where there is none."""
        place = bisect_right(self._first_ids, id_cuenta) - 1
        if place < 0:
            return None
        batch = self._batches[place]
        ids = batch.column("id_cuenta")
        row = bisect_left(range(batch.num_rows), id_cuenta, key=lambda index: ids[index].as_py())
        if row == batch.num_rows or ids[row].as_py() != id_cuenta:
            return None
        return Customer(**{name: batch.column(name)[row].as_py() for name in Customer.__dataclass_fields__})

    @staticmethod
    def write(parquet: Path, target: Path) -> None:
        """Copies customers that are sorted by id from a Parquet file into the form that is mapped."""
        import pyarrow as pa
        from pyarrow import parquet as pq

        file = pq.ParquetFile(parquet)
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                writer.write_batch(batch)
