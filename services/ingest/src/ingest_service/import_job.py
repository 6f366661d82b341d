"""Runs an import: fetches the file, hands it to what its kind needs, and ends the job with its effect."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict, cast
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument, NotFound
from service_runtime.jobs import JobRun
from service_runtime.lake import Lake

from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore, RejectedRow
from ingest_service.reading.encoding import PreparedText, prepare
from ingest_service.sight import Sight, sight_of
from ingest_service.spool import Spool
from ingest_service.tabular_file import Rejections

_ROWS_AT_ONCE = 5_000
_RAW_SHOWN = 10_000


class Counts(TypedDict):
    """What became of the rows; `rows_read` is always the sum of the others."""

    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int


@dataclass(frozen=True)
class Work:
    """One attempt at one import: its run, its parameters, what its sender may see, its file as UTF-8 text, a folder."""

    run: JobRun
    import_id: UUID
    request: ImportRequest
    sight: Sight
    sha256: str
    source: Path
    text: PreparedText
    folder: Path
    lake: Lake
    keep_rejected: Callable[["Work", Rejections], Awaitable[None]]

    async def reject(self, rejections: Rejections) -> None:
        """Keeps the rejected rows; raises where the caller wants all or nothing and there are any."""
        await self.keep_rejected(self, rejections)
        if rejections.count and self.request.on_error == "fail":
            raise InvalidArgument(
                "ROWS_REJECTED", f"{rejections.count} rows cannot be taken, so nothing was written (on_error=fail)."
            )


class Importer(Protocol):
    """What brings the rows of a kind to their place."""

    async def bring_in(self, work: Work) -> None:
        """Does the whole import and finishes the job."""

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Does what is left once the rows are in the record."""


class ImportJob:
    """The handler of jobs of kind `import`."""

    def __init__(
        self,
        database: Database,
        store: ImportStore,
        spool: Spool,
        open_lake: Callable[[UUID], Lake],
        importers: Mapping[str, Importer],
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._open_lake = open_lake
        self._importers = importers

    async def handle(self, run: JobRun) -> None:
        import_id = UUID(run.job_id.rpartition("/")[2])
        record = await self._store.get(run.tenant_id, import_id)
        if record is None:
            raise NotFound("IMPORT_NOT_FOUND", "The import of this job is gone.")
        request = ImportRequest(**record.request)
        importer = self._importers[request.kind]
        lake = self._open_lake(run.tenant_id)
        file = f"imports/{import_id}.csv"
        if record.recorded is not None:
            await importer.complete(run, import_id, request, cast("Counts", record.recorded))
        else:
            with self._spool.folder() as folder:
                source = folder / "source"
                await asyncio.to_thread(lake.fetch, file, source)
                text = await asyncio.to_thread(prepare, source, request.encoding, folder / "text")
                await run.report(progress=0.02, details={"encoding": text.encoding, "timezone": request.timezone})
                sight = sight_of(record.requested_role, record.requested_kind, record.requested_by)
                work = Work(
                    run, import_id, request, sight, record.sha256, source, text, folder, lake, self._keep_rejected
                )
                await importer.bring_in(work)
        await asyncio.to_thread(lake.delete, file)

    async def _keep_rejected(self, work: Work, rejections: Rejections) -> None:
        rows = sorted(rejections.kept, key=lambda rejection: rejection.line)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            await self._store.forget_rejected(session, work.import_id)
            with work.text.path.open("rb") as text:
                for start in range(0, len(rows), _ROWS_AT_ONCE):
                    kept = []
                    for row in rows[start : start + _ROWS_AT_ONCE]:
                        text.seek(row.start)
                        raw = text.read(min(row.size, 4 * _RAW_SHOWN)).decode(errors="replace")
                        raw = raw.rstrip("\r\n").replace("\0", "\ufffd")[:_RAW_SHOWN]
                        value = row.value.replace("\0", "\ufffd")[:1000]
                        kept.append(RejectedRow(row.line, row.column, value, row.reason, raw))
                    await self._store.keep_rejected(session, work.run.tenant_id, work.import_id, kept)
        await work.run.report(rows_rejected=rejections.count)
