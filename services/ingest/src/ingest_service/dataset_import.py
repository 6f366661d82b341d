"""Imports of datasets: a table kept as its text in the lake, under a name of the tenant's."""

import asyncio
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument
from service_runtime.jobs import JobRun

from ingest_service.import_job import Counts, Work
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore
from ingest_service.reading.table_file import TableFile
from ingest_service.tabular_file import Rejections

_PIECE = 1 << 20


class DatasetImport:
    """Brings datasets in: the bytes as they are, but for rows that are none."""

    def __init__(self, database: Database, imports: ImportStore) -> None:
        self._database = database
        self._imports = imports

    async def bring_in(self, work: Work) -> None:
        if not work.text.encoding.startswith("utf-8") or work.text.path != work.source:
            raise InvalidArgument(
                "WRONG_ENCODING",
                f"A dataset must be UTF-8; this file is {work.text.encoding}.",
                encoding=work.text.encoding,
            )
        table = await asyncio.to_thread(TableFile, work.text, work.request.delimiter, len)
        rejections = Rejections()
        cuts: list[tuple[int, int]] = []
        rows = 0
        batches = table.batches([])
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            rows += batch.rows.num_rows
            for rejection in batch.rejections:
                rejections.add(rejection)
                cuts.append((rejection.start, rejection.size))
            await work.run.report(
                progress=0.8 * min(1.0, batch.read_to / table.size), rows_read=rows + rejections.count
            )
        await work.run.report(
            details={"delimiter": table.dialect.delimiter_name, "columns": ", ".join(table.header[:50])}
        )
        await work.reject(rejections)
        await self._store(work, rows, rejections.count, cuts)

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Has nothing left to do: the file is the whole effect."""

    async def _store(self, work: Work, rows: int, rejected: int, cuts: list[tuple[int, int]]) -> None:
        name = work.request.dataset
        path = dataset_path(name)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            there = await asyncio.to_thread(work.lake.head, path) is not None
            known = await self._imports.dataset(session, name) if there else None
            same = known is not None and known[0] == work.sha256
            if not same and not work.request.dry_run:
                source = work.source
                if cuts:
                    source = work.folder / "kept"
                    await asyncio.to_thread(_without, work.source, cuts, source)
                await asyncio.to_thread(work.lake.put_file, source, path)
                await self._imports.set_dataset(session, work.run.tenant_id, name, work.sha256, rows)
            counts = Counts(
                rows_read=rows + rejected,
                rows_written=0 if same else rows,
                rows_unchanged=rows if same else 0,
                rows_rejected=rejected,
            )
            details = {"dry_run": "true"} if work.request.dry_run else {"path": path}
            await work.run.finish(session, details=details, **counts)


def dataset_path(name: str) -> str:
    """Gives where a dataset lies: <source>/<table>/<table>.csv, for names without a source datasets/…."""
    source, _, table = name.rpartition("/")
    return f"{source or 'datasets'}/{table}/{table}.csv"


def _without(source: Path, cuts: list[tuple[int, int]], target: Path) -> None:
    """Copies a file but for some rows, their line ends included."""
    with source.open("rb") as file, target.open("wb") as kept:
        for start, size in sorted(cuts):
            _copy(file, kept, start - file.tell())
            file.seek(start + size)
            ahead = file.read(2)
            end = 2 if ahead == b"\r\n" else 1 if ahead[:1] in (b"\r", b"\n") else 0
            file.seek(start + size + end)
        _copy(file, kept, -1)


def _copy(file: BinaryIO, kept: BinaryIO, size: int) -> None:
    while size and (piece := file.read(_PIECE if size < 0 else min(_PIECE, size))):
        kept.write(piece)
        size -= len(piece) if size > 0 else 0
