"""Asking for exports, and handing out their files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, NotFound, PermissionDenied
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox, JobQueue, JobRecord
from service_runtime.lake import Lake

from ingest_service.account_store import AccountStore
from ingest_service.clean_up_store import CleanUpStore
from ingest_service.dataset_place import dataset_path
from ingest_service.export_files import CONTENT_TYPES, content_disposition, export_path
from ingest_service.export_range import AskedRange, ByteRange, wanted_range
from ingest_service.export_request import ExportRequest
from ingest_service.export_store import ExportRecord, ExportStore
from ingest_service.sight import account_forbidden, callers_sight

JOB_KIND = "export"
EVERY_ACCOUNT = 2**31 - 1
_PIECE = 512 * 1024


@dataclass(frozen=True)
class Download:
    """A file or a part of it on its way out."""

    content_type: str
    disposition: str
    etag: str
    size: int
    part: ByteRange
    pieces: AsyncIterator[bytes]


class Exports:
    """Exports of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        store: ExportStore,
        accounts: AccountStore,
        queue: JobQueue,
        audit: AuditOutbox,
        open_lake: Callable[[UUID], Lake],
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._store = store
        self._accounts = accounts
        self._queue = queue
        self._audit = audit
        self._open_lake = open_lake
        self._new_id = new_id
        self._clean_ups = CleanUpStore()

    async def create(self, caller: Identity, request: ExportRequest) -> JobRecord:
        """Queues an export; what the caller may see is kept with it."""
        if request.dataset:
            path = dataset_path(request.dataset)
            if await asyncio.to_thread(self._open_lake(caller.tenant_id).head, path) is None:
                raise NotFound("DATASET_NOT_FOUND", "There is no such dataset.", dataset=request.dataset)
        export_id = self._new_id()
        async with self._database.tenant_session(caller.tenant_id) as session:
            if request.account and not await self._accounts.find(session, [request.account], callers_sight(caller)):
                raise account_forbidden(request.account)
            await self._store.insert(session, caller, export_id, request.as_json())
            await self._clean_ups.expect(session, caller.tenant_id, caller.timezone, datetime.now(UTC))
            return await self._queue.enqueue(
                session,
                tenant_id=caller.tenant_id,
                kind=JOB_KIND,
                payload={},
                requested_by=caller.subject,
                job_id=str(export_id),
            )

    async def download(self, caller: Identity, job_id: str, asked: AskedRange) -> Download:
        """Opens the file of a finished export for who asked for it, or may see every account that can be in it."""
        job = await self._queue.get(caller.tenant_id, job_id)
        if job.kind != JOB_KIND:
            raise NotFound("JOB_NOT_FOUND", "There is no such export.", job_id=job_id[:100])
        export_id = UUID(job.id.rpartition("/")[2])
        async with self._database.tenant_session(caller.tenant_id) as session:
            record = await self._store.get(session, export_id)
            if record is None:
                raise NotFound("JOB_NOT_FOUND", "There is no such export.", job_id=job_id[:100])
            request = ExportRequest(**record.request)
            _check_there(job, record)
            await self._check_sight(session, caller, record)
            etag = f'"{record.sha256}"'
            part = wanted_range(asked, record.size, etag)
            sent = f"{part.start}-{part.end}/{record.size}"
            await self._audit.record(
                session,
                tenant_id=caller.tenant_id,
                actor=caller.subject,
                action="download_export",
                resource=f"jobs/{job.id}",
                details={"bytes": sent},
            )
        pieces = _pieces(self._open_lake(caller.tenant_id), export_path(export_id, request.format), part, job.id)
        disposition = content_disposition(request, record.created_at)
        return Download(CONTENT_TYPES[request.format], disposition, etag, record.size, part, pieces)

    async def _check_sight(self, session: Session, caller: Identity, record: ExportRecord) -> None:
        is_own = (record.requested_by, record.requested_kind) == (caller.subject, caller.kind)
        if is_own or not record.accounts:
            return
        seen = await self._accounts.page(session, callers_sight(caller), "", EVERY_ACCOUNT)
        # Of an account that is gone nobody can tell any more who may see it.
        if not set(record.accounts) <= {account.id_usuario for account in seen}:
            # Without the account's name, which the caller did not give.
            raise PermissionDenied("ACCOUNT_FORBIDDEN", "The file has rows of accounts that you may not see.")


def _check_there(job: JobRecord, record: ExportRecord) -> None:
    if job.status != "SUCCEEDED":
        raise Conflict("EXPORT_NOT_FINISHED", f"The export is {job.status}.", job_id=job.id, status=job.status)
    if record.is_expired:
        raise _expired(job.id)


def _expired(job_id: str) -> NotFound:
    return NotFound("EXPORT_EXPIRED", "The file was kept for a while and is gone; export anew.", job_id=job_id)


async def _pieces(lake: Lake, path: str, part: ByteRange, job_id: str) -> AsyncIterator[bytes]:
    if part.start == part.end:
        yield b""
    for start in range(part.start, part.end, _PIECE):
        try:
            yield await asyncio.to_thread(lake.read_range, path, start, min(_PIECE, part.end - start))
        except NotFound as error:
            # Removed this very moment.
            raise _expired(job_id) from error
