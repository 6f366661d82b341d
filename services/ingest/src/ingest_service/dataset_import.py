"""Imports of datasets: a table kept as text in the lake, under a name of the tenant's."""

import asyncio
import shutil
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import Conflict
from service_runtime.jobs import JobRun

from ingest_service.dataset_file import DatasetWriter
from ingest_service.dataset_place import dataset_path
from ingest_service.import_job import Counts, Work
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportRecord, ImportStore, KnownDataset
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
        with DatasetWriter(target, names, header=work.replay_of is None) as writer:
            batches = work.table.batches(range(len(names)))
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                rows += batch.rows.num_rows
                rejections.add(batch.rejections)
                await asyncio.to_thread(writer.write, batch.rows)
                await work.run.report(progress=0.8 * batch.done, rows_read=rows + rejections.count)
        details = {**work.table.told(), **renamed, "columns": ", ".join(name[:60] for name in names[:50])}
        await work.run.report(details=details)
        await work.reject(rejections)
        if work.replay_of is None:
            await self._store(work, target, rows, rejections.count)
        else:
            await self._append(work, work.replay_of, target, rows, rejections.count)

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Has nothing left to do: the file is the whole effect."""

    async def _store(self, work: Work, file: Path, rows: int, rejected: int) -> None:
        name = work.request.dataset
        path = dataset_path(name)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            known = await self._imports.dataset(session, name)
            there = await asyncio.to_thread(work.lake.head, path)
            # A file of another size is one that a killed worker has put and not told of.
            same = there is not None and known is not None and known.is_of(work.sha256, there.size)
            if not same and not work.request.dry_run:
                # Whoever has lost its turn since, as a paused worker has, finds that what it saw has changed.
                await asyncio.to_thread(work.lake.put_over, file, path, there)
                known = KnownDataset(work.sha256, rows, await asyncio.to_thread(_size, file))
                await self._imports.set_dataset(session, work.run.tenant_id, name, known)
            counts = Counts(
                rows_read=rows + rejected,
                rows_written=0 if same else rows,
                rows_unchanged=rows if same else 0,
                rows_rejected=rejected,
            )
            details = {"dry_run": "true"} if work.request.dry_run else {"path": path}
            await work.run.finish(session, details=details, **counts)

    async def _append(self, work: Work, first: ImportRecord, file: Path, rows: int, rejected: int) -> None:
        """Adds rows to the table as the first import, and other replays of it, have left it."""
        counts = Counts(rows_read=rows + rejected, rows_written=rows, rows_unchanged=0, rows_rejected=rejected)
        name = work.request.dataset
        path, whole = dataset_path(name), work.folder / "whole.csv"
        async with self._database.tenant_session(work.run.tenant_id) as session:
            known = await self._imports.dataset(session, name)
            there = await asyncio.to_thread(work.lake.head, path)
            # Whether the sheet that was named is the first one is not known any more.
            firsts = {work.request.content_key(first.sha256, part) for part in ("", work.request.sheet)}
            if known is None or known.sha256 not in firsts or there is None:
                raise Conflict(
                    "DATASET_CHANGED", "The table has been imported anew, or is gone: import the rows with it."
                )
            if rows and not work.request.dry_run:
                await asyncio.to_thread(work.lake.fetch, path, whole)
                await asyncio.to_thread(_join, whole, known.size, file)
                await asyncio.to_thread(work.lake.put_over, whole, path, there)
                size = await asyncio.to_thread(_size, whole)
                grown = KnownDataset(known.sha256, known.rows + rows, size)
                await self._imports.set_dataset(session, work.run.tenant_id, name, grown)
            details = {"dry_run": "true"} if work.request.dry_run else {"path": path}
            await work.run.finish(session, details=details, **counts)


def _size(file: Path) -> int:
    return file.stat().st_size


def _join(whole: Path, known: int | None, more: Path) -> None:
    """Adds a file to one of which `known` bytes were acknowledged: what a killed attempt has added goes again."""
    with whole.open("r+b") as target, more.open("rb") as source:
        if known is not None:
            target.truncate(known)
        target.seek(0, 2)
        shutil.copyfileobj(source, target)
