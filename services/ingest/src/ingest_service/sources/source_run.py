"""Runs a source: reads its tables in one snapshot, makes what the lake is to have, switches all of it in the end."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, NotFound
from service_runtime.jobs import AuditOutbox, JobRun
from service_runtime.lake import Lake

from ingest_service.config import Settings
from ingest_service.sources.allow_list import AllowList
from ingest_service.sources.connection import Connect
from ingest_service.sources.judging import MOST_KEPT
from ingest_service.sources.pace import Pace
from ingest_service.sources.sealing import KeyRing
from ingest_service.sources.source_store import SourceRecord, SourceStore
from ingest_service.sources.sources import dataset_of, login_of
from ingest_service.sources.table import Counts, Rejected, TableState, Written
from ingest_service.sources.table_reading import Staged, TableReader
from ingest_service.sources.table_state_store import TableStateStore
from ingest_service.sources.table_writer import write_table
from ingest_service.sources.watching import watched
from ingest_service.spool import Spool

_READ, _MADE = 0.7, 0.95
_DRIFT_SHOWN = 2_000


class SourceRun:
    """The handler of jobs of kind `source_run`."""

    def __init__(
        self,
        database: Database,
        store: SourceStore,
        states: TableStateStore,
        audit: AuditOutbox,
        open_lake: Callable[[UUID], Lake],
        spool: Spool,
        connect: Connect,
        settings: Settings,
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._audit = audit
        self._open_lake = open_lake
        self._spool = spool
        self._connect = connect
        self._settings = settings
        self._allowed = AllowList(settings.sources_allowed)
        self._keys = KeyRing(settings.sources_encryption_keys)

    async def handle(self, run: JobRun) -> None:
        source_id = UUID(str(run.payload["source_id"]))
        async with self._database.tenant_session(run.tenant_id) as session:
            source = await self._found(session, source_id)
            await self._take_turn(session, run, source)
            states = (await self._states.states(session, [source_id]))[source_id]
        if not source.is_active:
            raise Conflict("SOURCE_INACTIVE", "The source is switched off.")
        lake = self._open_lake(run.tenant_id)
        with self._spool.folder() as folder:
            staged = await self._read(run, source, states, lake, folder)
            written = []
            for number, table in enumerate(staged):
                path = _path(table.dataset, source.format)
                written.append(await asyncio.to_thread(write_table, table.reading, source.format, path))
                await run.report(progress=_READ + (_MADE - _READ) * (number + 1) / len(staged))
            await self._switch(run, source_id, states, lake, list(zip(staged, written, strict=True)))

    async def _take_turn(self, session: Session, run: JobRun, source: SourceRecord) -> None:
        """Makes a run that is tried again the source's last one, unless another has come since and is not over."""
        job_id = UUID(run.job_id.rpartition("/")[2])
        if source.last_job_id == job_id:
            return
        if source.runs:
            raise Conflict("SOURCE_RUNS", "Another run of this source waits or is under way.")
        await self._store.begin_run(session, source.source_id, job_id)

    async def _read(
        self, run: JobRun, source: SourceRecord, states: dict[str, TableState], lake: Lake, folder: Path
    ) -> list[Staged]:
        settings = self._settings
        pace = Pace(rows_per_second=settings.sources_rows_per_second, largest_table=settings.sources_largest_table)
        # Judged now, and connected to as it was judged: a name may lead elsewhere the next time it is asked for.
        ip = await self._allowed.check(source.address.host, source.address.port)
        login = login_of(self._keys, run.tenant_id, source)
        connection = await asyncio.to_thread(self._connect, source.address, ip, login, settings)
        with closing(connection):
            reader = TableReader(connection, lake, pace, source.format, run.payload.get("full") is True, folder)
            staged = []
            for number, wanted in enumerate(source.tables):
                dataset = dataset_of(source.address.kind, wanted)
                read = partial(reader.read, wanted, dataset, states.get(wanted.name))
                progress = _READ * number / len(source.tables)
                silence = settings.sources_silence_seconds
                staged.append(await watched(run, pace, connection, silence, progress, read))
        return staged

    async def _switch(
        self,
        run: JobRun,
        source_id: UUID,
        states: dict[str, TableState],
        lake: Lake,
        tables: Sequence[tuple[Staged, Written]],
    ) -> None:
        """Puts the new tables in the place of the old ones, each in one step, and ends the job in the same breath.

        The job's row is held meanwhile: no other attempt begins, and one that was given up does not get here. Where
        this ends half-way, the lake has whole tables that are newer than their states, and the next run reads those
        whole.
        """
        counts, rejected = Counts(), list[Rejected]()
        async with self._database.tenant_session(run.tenant_id) as session:
            source = await self._found(session, source_id)
            # Seen before the report: an attempt that is given up later finds that another has written since.
            seen = {written.path: await asyncio.to_thread(lake.head, written.path) for _, written in tables}
            await run.report(progress=_MADE, session=session)
            for staged, written in tables:
                stored = await asyncio.to_thread(lake.put_over, written.file, written.path, seen[written.path])
                await self._note(session, run.tenant_id, source_id, lake, staged, written, stored.etag, states)
                counts.add(written.counts)
                rejected += written.rejected
            job_id = UUID(run.job_id.rpartition("/")[2])
            await self._states.keep_rejected(session, run.tenant_id, job_id, rejected[:MOST_KEPT])
            await self._audit.record(
                session,
                tenant_id=run.tenant_id,
                actor=f"jobs/{run.job_id}",
                action="source_copied",
                resource=f"sources/{source.name}",
                details={"rows": str(counts.read), "tables": str(len(tables))},
            )
            await run.finish(
                session,
                rows_read=counts.read,
                rows_written=counts.written,
                rows_unchanged=counts.unchanged,
                rows_rejected=counts.rejected,
                details=_details(tables),
            )

    async def _note(
        self,
        session: Session,
        tenant_id: UUID,
        source_id: UUID,
        lake: Lake,
        staged: Staged,
        written: Written,
        etag: str,
        states: dict[str, TableState],
    ) -> None:
        """Notes what the table is now."""
        wanted = staged.reading.wanted
        other = _path(staged.dataset, "csv" if written.path.endswith(".parquet") else "parquet")
        before = states.get(wanted.name)
        # Whoever wrote it, readers would take it for more of the same table.
        await asyncio.to_thread(lake.delete, other)
        state = TableState(
            name=wanted.name,
            dataset=staged.dataset,
            columns=written.columns,
            cursor=wanted.cursor,
            cursor_value=staged.cursor_value,
            rows=written.rows,
            deleted_rows=_deleted(before, staged, written),
            drift="; ".join([*staged.reading.plan.drift, *written.notes])[:_DRIFT_SHOWN],
            path=written.path,
            etag=etag,
        )
        await self._states.set(session, tenant_id, source_id, state)

    async def _found(self, session: Session, source_id: UUID) -> SourceRecord:
        source = await self._store.by_id(session, source_id)
        if source is None:
            raise NotFound("SOURCE_NOT_FOUND", "The source of this run is gone.")
        return source


def _deleted(before: TableState | None, staged: Staged, written: Written) -> int:
    """Counts what the last whole reading found no more; an increment cannot tell."""
    if staged.reading.is_whole:
        return written.deleted
    return before.deleted_rows if before is not None else 0


def _path(dataset: str, file_format: str) -> str:
    return f"{dataset}/{dataset.rpartition('/')[2]}.{file_format}"


def _details(tables: Sequence[tuple[Staged, Written]]) -> dict[str, str]:
    details = {}
    for staged, written in tables[:50]:
        words = ["whole" if staged.reading.is_whole else "increment", f"{written.counts.read} rows read"]
        words += [f"{written.deleted} deleted"] if written.deleted else []
        words += [*staged.reading.plan.drift, *written.notes]
        details[staged.dataset] = "; ".join(words)[:500]
    return details
