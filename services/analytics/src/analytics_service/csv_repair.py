"""Makes a table of a CSV file that is not plain, without holding up whoever shares the process."""

import asyncio
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

from analytics_service.csv_text import CsvFile, UnreadableCsv, header_of, records

_ROWS_AT_ONCE = 20_000
# From this size on telling cells apart takes long enough to be felt by others in the process.
_LARGE_BYTES = 4 * 1024 * 1024
# Exit code of a process that found no table.
_UNREADABLE = 3


async def repaired(file: CsvFile, target: Path) -> None:
    """Writes the rows as a Parquet table of texts c0, c1 …: one cell for each column, blank lines left out.

    A large file gets a process of its own, behind all others in the line for the processor.
    """
    if file.size < _LARGE_BYTES:
        await asyncio.to_thread(repair, file, target)
        return
    # It needs nothing of this one's environment, which holds keys.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(file.path), str(target)), stdin=subprocess.DEVNULL, env={}
    )
    try:
        ended = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if ended == _UNREADABLE:
        raise UnreadableCsv("a cell never ends")
    if ended:
        # No room, most likely; what it was is on stderr.
        raise OSError(f"a file could not be repaired: {ended}")


def repair(file: CsvFile, target: Path) -> None:
    # Only dirty files need pyarrow: a service that has seen none stays small.
    import pyarrow as pa
    from pyarrow import parquet as pq

    width = len(file.header)
    schema = pa.schema([(f"c{index}", pa.string()) for index in range(width)])
    with pq.ParquetWriter(target, schema) as writer:
        rows = records(file.path)
        next(rows, None)
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            if any(len(row) != width for row in batch):
                batch = [_fit(row, width) for row in batch]
            writer.write_table(pa.table([pa.array(cells, pa.string()) for cells in zip(*batch, strict=True)], schema))


def _fit(row: list[str], width: int) -> list[str]:
    return row[:width] + [""] * (width - len(row))


def main(path: str, target: str) -> int:
    """Repairs in a process of its own; gives its exit code."""
    os.nice(10)
    try:
        repair(CsvFile(Path(path), header_of(Path(path))[0], is_plain=False), Path(target))
    except UnreadableCsv:
        return _UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
