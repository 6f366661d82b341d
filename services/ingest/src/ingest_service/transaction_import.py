"""Imports of transactions: one Parquet file in the lake, named by the hash of the uploaded bytes."""

import asyncio
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from service_runtime.database import Database
from service_runtime.jobs import JobRun

from ingest_service.import_job import Counts, Work
from ingest_service.import_request import ImportRequest
from ingest_service.record_import import read_through
from ingest_service.tabular_file import TabularFile

_SCHEMA = pa.schema([("id_cuenta", pa.string()), ("fecha", pa.string()), ("monto", pa.string())])


class TransactionImport:
    """Brings transactions in: the same bytes change nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bring_in(self, work: Work) -> None:
        file = await asyncio.to_thread(TabularFile, work.table, work.request, work.folder / "rows")
        path = f"datavision/transactions/{work.sha256}.parquet"
        parquet = work.folder / "transactions.parquet"
        try:
            if work.judged is not None:
                file.profile.assume(work.judged)
            await read_through(file, work.run, 0.5)
            judged = file.profile.judged()
            taken = await asyncio.to_thread(_write, file, parquet)
        finally:
            file.close()
        await work.reject(file.rejections, judged)
        known = await asyncio.to_thread(work.lake.head, path) is not None
        await work.run.report(progress=0.9)
        if not known and taken and not work.request.dry_run:
            # Putting is atomic and the name is the content's: another attempt at it does no harm.
            await asyncio.to_thread(work.lake.put_file, parquet, path)
        counts = Counts(
            rows_read=file.rows_read,
            rows_written=0 if known else taken,
            rows_unchanged=taken if known else 0,
            rows_rejected=file.rejections.count,
        )
        details = {"dry_run": "true"} if work.request.dry_run else {}
        async with self._database.tenant_session(work.run.tenant_id) as session:
            await work.run.finish(session, details=details, **counts)

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Has nothing left to do: the file is the whole effect."""


def _write(file: TabularFile, target: Path) -> int:
    taken = 0
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd") as writer:
        for batch in file.typed({}, 0):
            times = pc.cast(batch.column("fecha"), pa.timestamp("us", "UTC"))
            texts = pc.replace_substring_regex(pc.strftime(times, "%Y-%m-%dT%H:%M:%S"), r"\.?0*$|(\.\d*?)0+$", r"\1")
            columns = [
                batch.column("id_cuenta"),
                pc.binary_join_element_wise(texts, pa.scalar("Z"), pa.scalar("")),
                batch.column("monto"),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
            taken += batch.num_rows
    return taken
