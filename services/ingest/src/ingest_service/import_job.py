"""Runs an import: fetches the file, hands it to what its kind needs, and ends the job with its effect."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict, cast
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument, NotFound
from service_runtime.jobs import JobRun
from service_runtime.lake import Lake

from ingest_service.columns import known_names, parse_mapping
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore, RejectedRow
from ingest_service.reading.opening import Hints, open_table
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.table import Table
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
    """One attempt at one import: its run, its parameters, what its sender may see, its file as a table, a folder."""

    run: JobRun
    import_id: UUID
    request: ImportRequest
    sight: Sight
    sha256: str
    table: Table
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
        largest_file: int,
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._open_lake = open_lake
        self._importers = importers
        self._largest_file = largest_file

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
                hints = Hints(request.format, request.delimiter, request.encoding, request.sheet, self._largest_file)
                chosen = parse_mapping(request.kind, request.mapping).values()
                names = known_names(request.kind, [*chosen, request.account_column])
                table, found = await asyncio.to_thread(open_table, source, folder, hints, names)
                await run.report(progress=0.02, details={**found, **table.told(), "timezone": request.timezone})
                sight = sight_of(record.requested_role, record.requested_kind, record.requested_by)
                work = Work(run, import_id, request, sight, record.sha256, table, folder, lake, self._keep_rejected)
                await importer.bring_in(work)
        await asyncio.to_thread(lake.delete, file)

    async def _keep_rejected(self, work: Work, rejections: Rejections) -> None:
        rows = sorted(rejections.kept, key=lambda rejection: rejection.line)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            await self._store.forget_rejected(session, work.import_id)
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                kept = await asyncio.to_thread(_shown, work.table, rows[start : start + _ROWS_AT_ONCE])
                await self._store.keep_rejected(session, work.run.tenant_id, work.import_id, kept)
        await work.run.report(rows_rejected=rejections.count)


def _shown(table: Table, rows: Sequence[Rejection]) -> list[RejectedRow]:
    """Gives rows, which stand in the file's order, as their owner sees them."""
    kept = []
    for row in rows:
        raw = _storable(table.raw(row, _RAW_SHOWN))
        kept.append(RejectedRow(row.line, row.column, _storable(row.value)[:1000], row.reason, raw))
    return kept


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd")
