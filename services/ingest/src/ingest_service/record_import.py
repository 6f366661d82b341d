"""Imports of posts and metrics: typed rows into the record by one transaction, then the lake's copy follows."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID

from service_runtime.database import Database, Session, driver_of
from service_runtime.errors import Unavailable
from service_runtime.jobs import JobCancelled, JobRun

from ingest_service.account_store import AccountStore, name_key
from ingest_service.counter_store import ImportNumbers
from ingest_service.import_job import Counts, Work
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import ImportStore
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_copy import LakeCopy
from ingest_service.record_kinds import RECORD_KINDS
from ingest_service.record_store import RecordLoad
from ingest_service.sight import EVERYTHING, account_forbidden, account_inactive
from ingest_service.small_process import give_back
from ingest_service.spool import Spool
from ingest_service.tabular_file import TabularFile

T = TypeVar("T")
# What share of the work is done when the file is read, when it is copied, when it is in the record.
_READ, _COPIED, _RECORDED = 0.2, 0.65, 0.75


class _NotToBeWritten(Exception):
    """Ends the transaction of a dry run."""


class RecordImport:
    """Brings posts and metrics in."""

    def __init__(
        self,
        database: Database,
        accounts: AccountStore,
        imports: ImportStore,
        lake_copy: LakeCopy,
        lake_changes: LakeChanges,
        spool: Spool,
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._imports = imports
        self._lake_copy = lake_copy
        self._lake_changes = lake_changes
        self._spool = spool
        self._new_id = new_id

    async def bring_in(self, work: Work) -> None:
        file = await asyncio.to_thread(TabularFile, work.table, work.request, work.folder / "rows")
        # DuckDB has just begun, with code that it needs no more.
        give_back()
        if work.judged is not None:
            file.profile.assume(work.judged)
        try:
            await read_through(file, work.run, _READ)
            give_back()
            counts = await self._record(work, file)
        finally:
            file.close()
        give_back()
        if work.request.dry_run:
            async with self._database.tenant_session(work.run.tenant_id) as session:
                await work.run.finish(session, details={"dry_run": "true"}, **counts)
            return
        await self.complete(work.run, work.import_id, work.request, counts)

    async def complete(self, run: JobRun, import_id: UUID, request: ImportRequest, recorded: Counts) -> None:
        """Copies to the lake and finishes: the record stands, so there is no way back from here."""
        try:
            with self._spool.folder() as folder:
                async for done in self._lake_copy.bring_up_to_date(run.tenant_id, request.kind, folder):
                    try:
                        await run.report(progress=_RECORDED + (1 - _RECORDED) * 0.99 * done, **recorded)
                    except JobCancelled:
                        continue
        except Unavailable:
            # The job gives up one day; the copy does not.
            async with self._database.tenant_session(run.tenant_id) as session:
                await self._lake_changes.queue(session, run.tenant_id)
            raise
        async with self._database.tenant_session(run.tenant_id) as session:
            await run.finish(session, **recorded)

    async def _record(self, work: Work, file: TabularFile) -> Counts:
        counts = Counts(rows_read=0, rows_written=0, rows_unchanged=0, rows_rejected=0)
        try:
            async with self._database.tenant_session(work.run.tenant_id) as session:
                counts = await self._load(session, work, file)
                if work.request.dry_run:
                    raise _NotToBeWritten
                await self._imports.mark_recorded(session, work.import_id, counts)
                # The fence: where another attempt has begun, this one's rows are rolled back.
                await work.run.report(session=session, progress=_RECORDED, **counts)
        except _NotToBeWritten:
            pass
        return counts

    async def _load(self, session: Session, work: Work, file: TabularFile) -> Counts:
        run, request = work.run, work.request
        load = RecordLoad(
            session,
            driver_of(session),
            run.tenant_id,
            RECORD_KINDS[request.kind],
            ImportNumbers(self._database, run.tenant_id, request.kind, trial=request.dry_run),
        )
        # In this order: an account that is found then stays until the rows are in.
        await load.take_turn()
        numbers, only = await self._account_numbers(session, work, file)
        active = {number for number in numbers.values() if number > 0}
        await load.begin(sorted(active | ({only} if only is not None else set())))
        copied = 0
        async with aclosing(_ahead(map(load.prepare, file.typed(numbers, only)))) as batches:
            async for batch in batches:
                await load.copy(batch)
                copied += batch.rows.num_rows
                await run.report(progress=_READ + (_COPIED - _READ) * copied / max(1, file.rows_read))
        await work.reject(file.rejections, file.profile.judged())
        written = unchanged = 0
        async for done in load.settle():
            written, unchanged = done.written, done.unchanged
            share = (written + unchanged) / max(1, copied)
            await run.report(progress=_COPIED + (_RECORDED - _COPIED) * share)
        await self._accounts.mark_synced(session, await load.account_numbers())
        return Counts(
            rows_read=file.rows_read,
            rows_written=written,
            rows_unchanged=unchanged,
            rows_rejected=file.rejections.count,
        )

    async def _account_numbers(
        self, session: Session, work: Work, file: TabularFile
    ) -> tuple[dict[str, int], int | None]:
        """Gives the numbers of the accounts that the file's sender may see now; rows of others are rejected, and so are
        those of accounts that are not active, whose numbers are given as negative ones."""
        request = work.request
        names = sorted(file.profile.account_names) if request.account_column else [request.account]
        if request.create_accounts:
            await self._create(session, work.run.tenant_id, names)
        known = await self._accounts.find(session, names, work.sight)
        if request.account and name_key(request.account) not in known:
            raise account_forbidden(request.account)
        if request.account and not known[name_key(request.account)].is_active:
            raise account_inactive(request.account)
        found = {name: known[name_key(name)] for name in names if name_key(name) in known}
        numbers = {name: account.id_usuario * (1 if account.is_active else -1) for name, account in found.items()}
        return numbers, numbers.get(request.account)

    async def _create(self, session: Session, tenant_id: UUID, names: list[str]) -> None:
        """Adds the accounts that there are not."""
        taken = await self._accounts.find(session, names, EVERYTHING)
        # In one order for all imports, so that two of them never wait for each other.
        fitting = [name for name in reversed(names) if len(name) <= 200 and "\0" not in name]
        new = dict(sorted({name_key(name): name for name in fitting}.items()))
        missing = [name for key, name in new.items() if key not in taken]
        if missing:
            async with self._database.tenant_session(tenant_id) as own:
                first = await self._accounts.reserve(own, tenant_id, len(missing))
            await self._accounts.ensure(session, tenant_id, missing, [self._new_id() for _ in missing], first)


async def read_through(file: TabularFile, run: JobRun, share: float) -> None:
    """Reads a file into its spool, reporting up to a share of the whole work."""
    await run.report(details=file.details())
    async with aclosing(_ahead(file.read())) as steps:
        async for done in steps:
            await run.report(progress=0.02 + (share - 0.02) * done, rows_read=file.rows_read)
    details = {**file.details(), **file.profile.told()}
    await run.report(details=details, rows_read=file.rows_read, rows_rejected=file.rejections.count)


async def _ahead(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """Gives items while the next one is being made in a thread; none is being made any more when it is closed."""
    coming = asyncio.create_task(asyncio.to_thread(_next, items))
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(asyncio.to_thread(_next, items))
            yield item
    finally:
        await asyncio.gather(coming, return_exceptions=True)


def _next(items: Iterator[T]) -> T | None:
    return next(items, None)
