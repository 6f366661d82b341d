"""Runs an import: fetches the file, hands it to what its kind needs, and ends the job with its effect."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict, cast
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument, NotFound
from service_runtime.jobs import JobRun
from service_runtime.lake import Lake
from service_runtime.storable import storable

from ingest_service.columns import known_names, parse_mapping
from ingest_service.import_files import upload_path
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import MOST_RAW, ImportRecord, ImportStore, RejectedRow
from ingest_service.reading.opening import Hints, open_table
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.table import Table
from ingest_service.replay_job import ReplayRows
from ingest_service.sight import Sight, sight_of
from ingest_service.spool import Spool
from ingest_service.tabular_file import Rejections

_ROWS_AT_ONCE = 5_000


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
    keep_rejected: Callable[["Work", Rejections, dict[str, Any] | None], Awaitable[None]]
    # The import whose rejected rows these are, and what its whole file looked like; None for a file.
    replay_of: ImportRecord | None = None

    @property
    def judged(self) -> dict[str, Any] | None:
        return self.replay_of.judged if self.replay_of is not None else None

    async def reject(self, rejections: Rejections, judged: dict[str, Any] | None = None) -> None:
        """Keeps the rejected rows, and what the file looked like as a whole; raises where the caller wants all or
        nothing and there are any."""
        await self.keep_rejected(self, rejections, judged)
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
        replays: ReplayRows,
        largest_file: int,
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._open_lake = open_lake
        self._importers = importers
        self._replays = replays
        self._largest_file = largest_file

    async def handle(self, run: JobRun) -> None:
        import_id = UUID(run.job_id.rpartition("/")[2])
        record = await self._store.get(run.tenant_id, import_id)
        if record is None:
            raise NotFound("IMPORT_NOT_FOUND", "The import of this job is gone.")
        request = ImportRequest(**record.request)
        importer = self._importers[request.kind]
        lake = self._open_lake(run.tenant_id)
        if record.replay_of is not None:
            run = self._replays.run_of(run, record.replay_of, dry_run=request.dry_run)
        if record.recorded is not None:
            await importer.complete(run, import_id, request, cast("Counts", record.recorded))
        else:
            with self._spool.folder() as folder:
                made = self._replayed if record.replay_of is not None else self._uploaded
                await importer.bring_in(await made(run, import_id, record, request, lake, folder))
        await asyncio.to_thread(lake.delete, upload_path(import_id))

    async def _uploaded(
        self, run: JobRun, import_id: UUID, record: ImportRecord, request: ImportRequest, lake: Lake, folder: Path
    ) -> Work:
        if record.upload_removed:
            raise NotFound("UPLOAD_EXPIRED", "The file was kept for a while and is gone; send it again.")
        source = folder / "source"
        await asyncio.to_thread(lake.fetch, upload_path(import_id), source)
        hints = Hints(
            request.format,
            request.delimiter,
            request.encoding,
            request.sheet,
            self._largest_file,
            mends_letters=request.kind == "dataset",
        )
        chosen = parse_mapping(request.kind, request.mapping).values()
        names = known_names(request.kind, [*chosen, request.account_column])
        table, found = await asyncio.to_thread(open_table, source, folder, hints, names)
        await run.report(progress=0.02, details={**found, **table.told(), "timezone": request.timezone})
        sight, sha256 = _sight_of(record), request.content_key(record.sha256, table.part)
        return Work(run, import_id, request, sight, sha256, table, folder, lake, self._keep_rejected)

    async def _replayed(
        self, run: JobRun, import_id: UUID, record: ImportRecord, request: ImportRequest, lake: Lake, folder: Path
    ) -> Work:
        table, first, sha256 = await self._replays.open(run, import_id, record, folder)
        sight = _sight_of(record)
        return Work(run, import_id, request, sight, sha256, table, folder, lake, self._reject_again, first)

    async def _reject_again(self, work: Work, rejections: Rejections, judged: dict[str, Any] | None) -> None:
        record = await self._store.get(work.run.tenant_id, work.import_id)
        if record is not None:
            async with self._database.tenant_session(work.run.tenant_id) as session:
                await self._replays.reject_again(session, record.original, work.import_id, rejections.kept)
        await work.run.report(rows_rejected=rejections.count)

    async def _keep_rejected(self, work: Work, rejections: Rejections, judged: dict[str, Any] | None) -> None:
        rows = sorted(rejections.kept, key=lambda rejection: rejection.line)
        async with self._database.tenant_session(work.run.tenant_id) as session:
            await self._store.forget_rejected(session, work.import_id)
            if rows:
                names = [storable(name) for name in work.table.header]
                await self._store.tell_file(session, work.import_id, names, judged)
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                kept = await asyncio.to_thread(_shown, work.table, rows[start : start + _ROWS_AT_ONCE])
                await self._store.keep_rejected(session, work.run.tenant_id, work.import_id, kept)
        await work.run.report(rows_rejected=rejections.count)


def _shown(table: Table, rows: Sequence[Rejection]) -> list[RejectedRow]:
    """Gives rows, which stand in the file's order, as their owner sees them."""
    kept = []
    for row in rows:
        raw = table.raw(row, MOST_RAW)
        cells = table.cells(raw) if len(raw) < MOST_RAW else None
        if cells and any("\0" in cell for cell in cells):
            # Kept with another sign in its place, a replay would take what the file has not.
            cells = None
        kept.append(RejectedRow(row.line, row.column, storable(row.value)[:1000], row.reason, storable(raw), cells))
    return kept


def _sight_of(record: ImportRecord) -> Sight:
    return sight_of(record.requested_role, record.requested_kind, record.requested_by)
