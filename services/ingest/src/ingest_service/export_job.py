"""Runs an export: rows of one moment, that the caller may see, into a file of the tenant's lake."""

import asyncio
import errno
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from service_runtime.database import Database, Session, driver_of
from service_runtime.errors import NotFound, Unavailable
from service_runtime.full_disk import FULL
from service_runtime.jobs import JobRun, SideTask
from service_runtime.lake import Lake

from ingest_service.account_store import AccountStore, name_key
from ingest_service.dataset_place import dataset_path
from ingest_service.export_columns import record_columns, transaction_columns
from ingest_service.export_files import export_path
from ingest_service.export_formats import open_format
from ingest_service.export_request import ExportRequest
from ingest_service.export_rows import Rows, copied_rows, dataset_rows, transaction_rows
from ingest_service.export_rows_store import ExportRowsStore
from ingest_service.export_store import ExportRecord, ExportStore
from ingest_service.exports import EVERY_ACCOUNT
from ingest_service.record_kinds import RECORD_KINDS
from ingest_service.sight import Sight, account_forbidden, sight_of
from ingest_service.spool import Spool

# In a queue of its own: a job that takes hours must not keep files from being removed.
EXPIRE_EXPORTS = SideTask("ingest-exports", "expire_exports")
# What share of the work is done when the rows are copied out, when the file is written.
_COPIED, _WRITTEN = 0.3, 0.9
# A batch takes milliseconds; to tell of each would take longer.
_TELL_SECONDS = 0.5


class ExportJob:
    """The handler of jobs of kind `export`. Repeating is safe: each attempt writes the file anew."""

    def __init__(
        self,
        database: Database,
        store: ExportStore,
        rows: ExportRowsStore,
        accounts: AccountStore,
        spool: Spool,
        open_lake: Callable[[UUID], Lake],
        hours: float,
    ) -> None:
        self._database = database
        self._store = store
        self._rows = rows
        self._accounts = accounts
        self._spool = spool
        self._open_lake = open_lake
        self._hours = hours

    async def handle(self, run: JobRun) -> None:
        export_id = UUID(run.job_id.rpartition("/")[2])
        async with self._database.tenant_session(run.tenant_id) as session:
            record = await self._store.get(session, export_id)
        if record is None:
            raise NotFound("EXPORT_NOT_FOUND", "The export of this job is gone.")
        request = ExportRequest(**record.request)
        with room_on_the_disk(), self._spool.folder() as folder:
            rows = await self._open_rows(run, request, record, folder)
            target = folder / "export"
            count = await self._write(run, request, rows, target)
            await self._deliver(run, export_id, request, rows.accounts, target, count)

    async def _open_rows(self, run: JobRun, request: ExportRequest, record: ExportRecord, folder: Path) -> Rows:
        lake = self._open_lake(run.tenant_id)
        if request.kind == "transactions":
            return Rows(transaction_columns(), transaction_rows(lake, folder, request.times))
        if request.kind == "dataset":
            local = folder / "dataset.csv"
            await asyncio.to_thread(lake.fetch, dataset_path(request.dataset), local)
            return await asyncio.to_thread(dataset_rows, local)
        # The account's access and its role are those of the job's time and of the asking.
        sight = sight_of(record.requested_role, record.requested_kind, record.requested_by)
        columns = record_columns(request.kind)
        copied = folder / "rows.csv"
        async with self._database.tenant_session(run.tenant_id) as session:
            numbers = await self._account_numbers(session, request, sight)
            driver = driver_of(session)
            names = [column.name for column in columns[1:]]
            kind = RECORD_KINDS[request.kind]
            found = await self._rows.copy(driver, kind, names, numbers, request.times, copied)
        await run.report(progress=_COPIED)
        return Rows(columns, copied_rows(copied, columns, found.longest), numbers)

    async def _account_numbers(self, session: Session, request: ExportRequest, sight: Sight) -> list[int]:
        if not request.account:
            accounts = await self._accounts.page(session, sight, "", EVERY_ACCOUNT)
            return [account.id_usuario for account in accounts]
        found = await self._accounts.find(session, [request.account], sight)
        if name_key(request.account) not in found:
            raise account_forbidden(request.account)
        return [account.id_usuario for account in found.values()]

    async def _write(self, run: JobRun, request: ExportRequest, rows: Rows, target: Path) -> int:
        file = await asyncio.to_thread(open_format, request.format, target, rows.columns, raw=request.raw)
        count, told = 0, time.monotonic()
        try:
            while (step := await asyncio.to_thread(next, rows.batches, None)) is not None:
                batch, done = step
                await asyncio.to_thread(file.write, batch)
                count += batch.num_rows
                if time.monotonic() >= told + _TELL_SECONDS:
                    told = time.monotonic()
                    await run.report(progress=_COPIED + (_WRITTEN - _COPIED) * done, rows_read=count)
        finally:
            await asyncio.to_thread(file.close)
        return count

    async def _deliver(
        self, run: JobRun, export_id: UUID, request: ExportRequest, accounts: Sequence[int], file: Path, count: int
    ) -> None:
        sha256, size = await asyncio.to_thread(_described, file)
        lake, path = self._open_lake(run.tenant_id), export_path(export_id, request.format)
        there = await asyncio.to_thread(lake.head, path)
        async with self._database.tenant_session(run.tenant_id) as session:
            await run.report(session=session, progress=_WRITTEN)
            expires_at = await self._store.expect_file(session, export_id, self._hours * 3600)
            if expires_at is None:
                raise NotFound("EXPORT_NOT_FOUND", "The export of this job is gone.")
            await EXPIRE_EXPORTS.ask(session, run.tenant_id, seconds=self._hours * 3600)
        # An attempt that was given up after the report finds that another has written since.
        await asyncio.to_thread(lake.put_over, file, path, there)
        details = {"bytes": str(size), "sha256": sha256, "expires_at": expires_at.isoformat(timespec="seconds")}
        async with self._database.tenant_session(run.tenant_id) as session:
            await self._store.note_file(session, export_id, sha256, size, accounts)
            await run.finish(session, rows_read=count, rows_written=count, details=details)


def _described(file: Path) -> tuple[str, int]:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest(), file.stat().st_size


@contextmanager
def room_on_the_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (*FULL, errno.EFBIG):
            raise
        raise Unavailable("DISK_FULL", "There is no room for the file at the moment.", retry_after=60) from error
