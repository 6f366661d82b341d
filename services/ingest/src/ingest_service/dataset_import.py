"""Imports of datasets: a table kept as text in the lake, under a name of the tenant's."""

import asyncio
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database
from service_runtime.jobs import JobRun

from ingest_service.dataset_file import DatasetWriter
from ingest_service.dataset_place import dataset_path
from ingest_service.import_job import Counts, Work
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore
from ingest_service.reading.layout import unique_names
from ingest_service.tabular_file import Rejections


class DatasetImport:
    """Brings datasets in: every cell as its text, in the lake's layout of CSV, but for rows that are none."""

    def __init__(self, database: Database, imports: ImportStore) -> None:
        self._database = database
        self._imports = imports

    async def bring_in(self, work: Work) -> None:
        names, renamed = unique_names(work.table.header)
        target = work.folder / "dataset.csv"
        rejections = Rejections()
        rows = 0
        with DatasetWriter(target, names) as writer:
            batches = work.table.batches(range(len(names)))
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                rows += batch.rows.num_rows
                for rejection in batch.rejections:
                    rejections.add(rejection)
                await asyncio.to_thread(writer.write, batch.rows)
                await work.run.report(progress=0.8 * batch.done, rows_read=rows + rejections.count)
        details = {**work.table.told(), **renamed, "columns": ", ".join(name[:60] for name in names[:50])}
        await work.run.report(details=details)
        await work.reject(rejections)
        await self._store(work, target, rows, rejections.count)

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Has nothing left to do: the file is the whole effect."""

    async def _store(self, work: Work, file: Path, rows: int, rejected: int) -> None:
        name = work.request.dataset
        path = dataset_path(name)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            there = await asyncio.to_thread(work.lake.head, path) is not None
            known = await self._imports.dataset(session, name) if there else None
            same = known is not None and known[0] == work.sha256
            if not same and not work.request.dry_run:
                await asyncio.to_thread(work.lake.put_file, file, path)
                await self._imports.set_dataset(session, work.run.tenant_id, name, work.sha256, rows)
            counts = Counts(
                rows_read=rows + rejected,
                rows_written=0 if same else rows,
                rows_unchanged=rows if same else 0,
                rows_rejected=rejected,
            )
            details = {"dry_run": "true"} if work.request.dry_run else {"path": path}
            await work.run.finish(session, details=details, **counts)
