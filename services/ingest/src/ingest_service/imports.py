"""Accepting files for import, and the rows that imports could not take."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import NotFound, PermissionDenied, ServiceError
from service_runtime.idempotency import request_is
from service_runtime.identity import Identity
from service_runtime.jobs import JobQueue, JobRecord
from service_runtime.lake import Lake

from ingest_service import lake_source
from ingest_service.account_store import AccountStore
from ingest_service.clean_up_store import CleanUpStore
from ingest_service.import_files import upload_path
from ingest_service.import_request import ImportRequest, check
from ingest_service.import_store import ImportRecord, ImportStore, RejectedRow
from ingest_service.sight import account_forbidden, account_inactive, callers_sight
from ingest_service.spool import Spool
from ingest_service.upload import ReceivedFile, receive

JOB_KIND = "import"


@dataclass(frozen=True)
class RowsPlace:
    """The import that has rejected rows, and the replay that has rejected them again where only its rows are meant."""

    original: UUID
    replay: UUID | None = None


class Imports:
    """Imports of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        store: ImportStore,
        accounts: AccountStore,
        queue: JobQueue,
        spool: Spool,
        open_lake: Callable[[UUID], Lake],
        new_id: Callable[[], UUID],
        largest_file: int,
    ) -> None:
        self._database = database
        self._store = store
        self._accounts = accounts
        self._queue = queue
        self._spool = spool
        self._open_lake = open_lake
        self._new_id = new_id
        self._largest_file = largest_file
        self._clean_ups = CleanUpStore()

    async def accept(
        self, caller: Identity, request: ImportRequest, content_type: str, pieces: AsyncIterator[bytes]
    ) -> tuple[JobRecord, int]:
        """Takes a file and queues its import; the file is in the lake before the job is there to be seen."""
        check(request)
        await self.check_account(caller, request)
        with self._spool.folder() as folder:
            received = await receive(content_type, pieces, folder / "upload", self._largest_file)
            # The bytes of CSV and JSON Lines may look alike.
            request = replace(request, format=request.format or received.format)
            await request_is(_digest(request, received.sha256))
            return await self._queue_import(caller, request, received), received.size

    async def accept_from_lake(self, caller: Identity, request: ImportRequest, uri: str) -> tuple[JobRecord, int]:
        """Takes a file that is in the tenant's lake already, as it is now."""
        check(request)
        await self.check_account(caller, request)
        lake = self._open_lake(caller.tenant_id)
        path = lake_source.path_in(lake, uri)
        await request_is(_digest(request, uri))
        with self._spool.folder() as folder:
            received = await lake_source.fetch(lake, path, folder / "upload", self._largest_file)
            request = replace(request, format=request.format or received.format)
            return await self._queue_import(caller, request, received), received.size

    async def rejected(self, caller: Identity, job_id: str, after: int, limit: int) -> list[RejectedRow]:
        """Gives rejected rows of an import behind a line, by line; of a replay those that it has rejected again."""
        place = await self.place_of(caller, job_id)
        await self.check_kept(caller, place)
        return await self._store.rejected(caller.tenant_id, place.original, after, limit, replay=place.replay)

    async def place_of(self, caller: Identity, job_id: str) -> RowsPlace:
        """Tells where an import's rejected rows are, where the caller may see them."""
        job = await self._queue.get(caller.tenant_id, job_id)
        if job.kind != JOB_KIND:
            raise NotFound("JOB_NOT_FOUND", "There is no such import.", job_id=job_id[:100])
        import_id = UUID(job.id.rpartition("/")[2])
        record = await self._store.get(caller.tenant_id, import_id)
        if record is None or record.replay_of is None:
            await self._check_rows(caller, record)
            return RowsPlace(import_id)
        await self._check_rows(caller, await self._store.get(caller.tenant_id, record.replay_of))
        return RowsPlace(record.replay_of, replay=import_id)

    async def check_kept(self, caller: Identity, place: RowsPlace) -> None:
        """Raises where the rows were kept for their time and are gone."""
        record = await self._store.get(caller.tenant_id, place.original)
        if record is not None and record.rows_removed:
            raise rows_expired()

    async def _check_rows(self, caller: Identity, record: ImportRecord | None) -> None:
        """Rejected rows are shown as they came, so only to who sent them or may see every account they may be of."""
        if record is None or (record.requested_by, record.requested_kind) == (caller.subject, caller.kind):
            return
        request = ImportRequest(**record.request)
        if not request.has_accounts:
            return
        async with self._database.tenant_session(caller.tenant_id) as session:
            forbidden = await self._accounts.hides(session, callers_sight(caller), request.account)
        if forbidden:
            # Without the account's name, which the caller did not give.
            raise PermissionDenied("ACCOUNT_FORBIDDEN", "The rows may be of accounts that you may not see.")

    async def check_account(self, caller: Identity, request: ImportRequest) -> None:
        """Raises where rows may not be brought into the account that the request names, if any."""
        if not request.account:
            return
        async with self._database.tenant_session(caller.tenant_id) as session:
            # An account that is only out of sight is not to be made.
            forbidden = await self._accounts.hides(session, callers_sight(caller), request.account)
            found = await self._accounts.find(session, [request.account], callers_sight(caller))
        if forbidden or not (found or request.create_accounts):
            raise account_forbidden(request.account)
        if any(not account.is_active for account in found.values()):
            raise account_inactive(request.account)

    async def _queue_import(self, caller: Identity, request: ImportRequest, received: ReceivedFile) -> JobRecord:
        import_id = self._new_id()
        lake = self._open_lake(caller.tenant_id)
        path = upload_path(import_id)
        await asyncio.to_thread(lake.put_file, received.path, path)
        try:
            async with self._database.tenant_session(caller.tenant_id) as session:
                await self._store.insert(session, caller, import_id, request.as_json(), received.size, received.sha256)
                await self._clean_ups.expect(session, caller.tenant_id, caller.timezone, datetime.now(UTC))
                return await self._queue.enqueue(
                    session,
                    tenant_id=caller.tenant_id,
                    kind=JOB_KIND,
                    payload={},
                    requested_by=caller.subject,
                    job_id=str(import_id),
                )
        except ServiceError:
            # The caller is told that it failed, so the file is not needed.
            with suppress(ServiceError):
                await asyncio.to_thread(lake.delete, path)
            raise


def rows_expired() -> NotFound:
    return NotFound("REJECTED_ROWS_EXPIRED", "The rejected rows were kept for a while and are gone.")


def _digest(request: ImportRequest, content: str) -> str:
    """Tells a request from others: by its parameters and what its file is."""
    said = json.dumps([request.as_json(), content], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
