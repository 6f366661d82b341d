"""The worker's part of a replay: rejected rows of an import as a table, and their list once they were tried again."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, NotFound
from service_runtime.jobs import JobRun

from ingest_service.import_store import ImportRecord, ImportStore, RejectedRow
from ingest_service.imports import rows_expired
from ingest_service.reading.rejection import Rejection
from ingest_service.replay_store import ReplayStore
from ingest_service.replay_table import ReplayTable, corrected, write_rows

_ROWS_AT_ONCE = 5_000


class ReplayRun(JobRun):
    """A run whose end also takes what was taken off the first import's list, in the same transaction."""

    def __init__(self, database: Database, run: JobRun, store: ReplayStore, original: UUID, *, dry_run: bool) -> None:
        super().__init__(database, run.tenant_id, run.job_id, run.attempt, run.payload)
        self._store = store
        self._original = original
        self._dry_run = dry_run

    async def finish(self, session: Session, **values: Any) -> None:
        if not self._dry_run:
            await self._store.settle(session, self._original, UUID(self.job_id.rpartition("/")[2]))
        await super().finish(session, **values)


class ReplayRows:
    """Rejected rows of imports, as replays read and reject them."""

    def __init__(self, database: Database, imports: ImportStore, store: ReplayStore) -> None:
        self._database = database
        self._imports = imports
        self._store = store

    def run_of(self, run: JobRun, original: UUID, *, dry_run: bool) -> ReplayRun:
        return ReplayRun(self._database, run, self._store, original, dry_run=dry_run)

    async def open(
        self, run: JobRun, replay: UUID, record: ImportRecord, folder: Path
    ) -> tuple[ReplayTable, ImportRecord, str]:
        """Gives the rows as a table, the first import, and what names the content of both."""
        original = record.original
        first = await self._imports.get(run.tenant_id, original)
        if first is None or first.columns is None:
            raise NotFound("IMPORT_NOT_FOUND", "The import whose rows are to be tried again is gone.")
        if first.rows_removed:
            raise rows_expired()
        await self._begin(run, original, replay)
        target = folder / "rejected"
        target.touch()
        after = 0
        while rows := await self._imports.rejected(run.tenant_id, original, after, _ROWS_AT_ONCE):
            after = rows[-1].line
            corrections = record.corrections or {}
            tried = [corrected(row, first.columns, corrections.get(str(row.line))) for row in rows]
            await asyncio.to_thread(write_rows, [row for row in tried if row is not None], target)
        digest = await asyncio.to_thread(_digest, first.sha256, target)
        return ReplayTable(target, first.columns), first, digest

    async def _begin(self, run: JobRun, original: UUID, replay: UUID) -> None:
        async with self._database.tenant_session(run.tenant_id) as session:
            if await self._store.is_under_way(session, original, replay, ["RUNNING"]):
                raise Conflict("REPLAY_UNDER_WAY", "Another job is trying the same rows again.")
            await self._store.begin(session, original, replay)
            not_kept = await self._store.not_kept(session, original)
            details = {"replay_of": f"ingest/{original}", **({"not_kept": str(not_kept)} if not_kept else {})}
            await run.report(details=details, session=session)

    async def reject_again(self, session: Session, original: UUID, replay: UUID, rejections: list[Rejection]) -> None:
        for start in range(0, len(rejections), _ROWS_AT_ONCE):
            some = rejections[start : start + _ROWS_AT_ONCE]
            rows = [
                RejectedRow(row.line, row.column, row.value.replace("\0", "\ufffd")[:1000], row.reason, "")
                for row in some
            ]
            await self._store.reject_again(session, original, replay, rows)


def _digest(first: str, target: Path) -> str:
    """Names rows by their file too: the same rows of two files are not the same rows."""
    with target.open("rb") as file:
        return hashlib.sha256(first.encode() + hashlib.file_digest(file, "sha256").digest()).hexdigest()
