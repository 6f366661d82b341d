"""The rules of sources: who is there, where they may be, when they run."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox, JobQueue, JobRecord
from service_runtime.quotas import keep_within

from ingest_service import rejected_file
from ingest_service.clean_up_store import CleanUpStore
from ingest_service.import_store import RejectedRow
from ingest_service.imports import rows_expired
from ingest_service.sources.address import Address, Login, parse_url
from ingest_service.sources.allow_list import AllowList
from ingest_service.sources.schedule import next_run
from ingest_service.sources.sealing import KeyRing, Sealed
from ingest_service.sources.source_store import SourceRecord, SourceStore
from ingest_service.sources.table import TableState, WantedTable
from ingest_service.sources.table_state_store import TableStateStore

JOB_KIND = "source_run"
# More than any tenant has.
_MANY = 100_000


@dataclass(frozen=True)
class Change:
    """What is to be of a source; None stays."""

    url: str | None = None
    tables: Sequence[WantedTable] | None = None
    format: str | None = None
    schedule: str | None = None
    is_active: bool | None = None


@dataclass(frozen=True)
class SourceView:
    """A source and the states of its tables."""

    source: SourceRecord
    states: dict[str, TableState]


class Sources:
    """Sources of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        store: SourceStore,
        states: TableStateStore,
        queue: JobQueue,
        audit: AuditOutbox,
        allowed: AllowList,
        keys: KeyRing,
        new_id: Callable[[], UUID],
        clock: Callable[[], datetime],
        per_tenant: int,
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._queue = queue
        self._audit = audit
        self._allowed = allowed
        self._keys = keys
        self._new_id = new_id
        self._clock = clock
        self._per_tenant = per_tenant
        self._clean_ups = CleanUpStore()

    async def page(self, caller: Identity, after: str, limit: int) -> list[SourceView]:
        """Gives the sources behind a name, by name."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            found = await self._store.page(session, after, limit)
            states = await self._states.states(session, [source.source_id for source in found])
        return [SourceView(source, states[source.source_id]) for source in found]

    async def create(self, caller: Identity, name: str, kind: str, change: Change) -> SourceView:
        """Adds a source; connects to nothing."""
        address, login = parse_url(kind, change.url or "")
        await self._allowed.check(address.host, address.port)
        tables = checked_tables(change.tables or ())
        schedule = change.schedule or ""
        source_id = self._new_id()
        source = SourceRecord(
            source_id=source_id,
            name=name,
            address=address,
            sealed=self._seal(caller.tenant_id, source_id, login),
            tables=tables,
            format=change.format or "csv",
            schedule=schedule.strip(),
            timezone=caller.timezone,
            next_run_at=next_run(schedule, caller.timezone, self._clock()),
        )
        async with self._database.tenant_session(caller.tenant_id) as session:
            await keep_within(
                session,
                lambda: self._store.count(session, caller.tenant_id),
                tenant_id=caller.tenant_id,
                quota="sources",
                limit=self._per_tenant,
            )
            await self._check_datasets(session, source)
            source = await self._store.insert(session, caller.tenant_id, source)
            await self._clean_ups.expect(session, caller.tenant_id, caller.timezone, self._clock())
            await self._tell(session, caller, "create_source", source)
        return SourceView(source, {})

    async def update(self, caller: Identity, name: str, change: Change) -> SourceView:
        """Changes what is given."""
        parsed = None
        async with self._database.tenant_session(caller.tenant_id) as session:
            kind = (await self._found(session, name)).address.kind
        if change.url is not None:
            # Before the row is held: a resolver may take its time.
            parsed = parse_url(kind, change.url)
            await self._allowed.check(parsed[0].host, parsed[0].port)
        async with self._database.tenant_session(caller.tenant_id) as session:
            source = self._changed(caller, await self._found(session, name), change, parsed)
            await self._check_datasets(session, source)
            await self._store.update(session, source)
            await self._tell(session, caller, "update_source", source)
            states = await self._states.states(session, [source.source_id])
        return SourceView(source, states[source.source_id])

    async def delete(self, caller: Identity, name: str) -> None:
        """Removes a source; a run that is under way ends without effect."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            source = await self._found(session, name)
            await self._store.delete(session, source.source_id)
            await self._tell(session, caller, "delete_source", source)

    async def run(self, caller: Identity, name: str, *, full: bool) -> JobRecord:
        """Queues a run; one at a time."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            source = await self._found(session, name)
            if source.runs:
                raise Conflict("SOURCE_RUNS", "A run of this source waits or is under way.", name=name)
            if not source.is_active:
                raise Conflict("SOURCE_INACTIVE", "The source is switched off.", name=name)
            return await queue_run(session, self._queue, self._store, caller.tenant_id, source, caller.subject, full)

    async def left_out(self, caller: Identity, job_id: str, after: int, limit: int) -> list[RejectedRow] | None:
        """Gives what a run left out behind a number; None where the job is no run. Rows of a source are the admins'."""
        job = await self._queue.get(caller.tenant_id, job_id)
        if job.kind != JOB_KIND:
            return None
        if caller.role != "admin":
            raise PermissionDenied("ADMIN_ONLY", "Only admins see the rows of sources.")
        async with self._database.tenant_session(caller.tenant_id) as session:
            rows = await self._states.rejected(session, UUID(job.id.rpartition("/")[2]), after, limit)
        if job.rows_rejected and not rows and not after:
            raise rows_expired()
        return [
            RejectedRow(
                row["number"], f"{row['table_name']}.{row['column_name']}", row["value"], row["reason"], row["raw"]
            )
            for row in rows
        ]

    async def left_out_file(self, caller: Identity, job_id: str, *, raw: bool) -> AsyncIterator[bytes] | None:
        """Gives what a run left out as a file, whose last column is the row; None where the job is no run."""
        if await self.left_out(caller, job_id, 0, 1) is None:
            return None

        async def page(after: int, limit: int) -> list[RejectedRow]:
            return await self.left_out(caller, job_id, after, limit) or []

        return rejected_file.pieces(["row"], page, raw=raw)

    async def check_no_run(self, caller: Identity, job_id: str) -> None:
        """Raises where the job is a run: its rows are corrected where they are, or taken by another contract."""
        if await self.left_out(caller, job_id, 0, 1) is not None:
            raise Conflict(
                "SOURCE_ROWS_NOT_REPLAYABLE",
                "Rows of a source are not replayed: the lake would have what the source has not. Correct them there, "
                "or change the table's contract or columns, and run the source with full.",
                job_id=job_id,
            )

    def _changed(
        self, caller: Identity, source: SourceRecord, change: Change, parsed: tuple[Address, Login] | None
    ) -> SourceRecord:
        if parsed is not None:
            sealed = self._seal(caller.tenant_id, source.source_id, parsed[1])
            source = replace(source, address=parsed[0], sealed=sealed)
        if change.tables:
            source = replace(source, tables=checked_tables(change.tables))
        schedule = source.schedule if change.schedule is None else change.schedule.strip()
        timezone = source.timezone if change.schedule is None else caller.timezone
        is_active = source.is_active if change.is_active is None else change.is_active
        next_run_at = source.next_run_at
        if (schedule, timezone, is_active) != (source.schedule, source.timezone, source.is_active):
            # Only then: a run that is due would be lost.
            next_run_at = next_run(schedule, timezone, self._clock())
        return replace(
            source,
            format=change.format or source.format,
            schedule=schedule,
            timezone=timezone,
            is_active=is_active,
            next_run_at=next_run_at,
        )

    async def _check_datasets(self, session: Session, source: SourceRecord) -> None:
        """Refuses a dataset that another source of the same kind brings already: each would undo the other's."""
        await self._store.hold_datasets(session)
        mine = {table.short_name.lower() for table in source.tables}
        for other in await self._store.page(session, "", _MANY):
            if other.source_id == source.source_id or other.address.kind != source.address.kind:
                continue
            for table in other.tables:
                if table.short_name.lower() in mine:
                    dataset = dataset_of(source.address.kind, table)
                    raise Conflict("SOURCE_DATASET_TAKEN", f"{dataset} comes from the source {other.name} already.")

    async def _found(self, session: Session, name: str) -> SourceRecord:
        source = await self._store.by_name(session, name)
        if source is None:
            raise NotFound("SOURCE_NOT_FOUND", "Your company has no such source.", name=name)
        return source

    def _seal(self, tenant_id: UUID, source_id: UUID, login: Login) -> Sealed:
        return self._keys.seal(tenant_id, source_id, json.dumps([login.user, login.password]))

    async def _tell(self, session: Session, caller: Identity, action: str, source: SourceRecord) -> None:
        await self._audit.record(
            session,
            tenant_id=caller.tenant_id,
            actor=caller.subject,
            action=action,
            resource=f"sources/{source.name}",
            details={"address": str(source.address), "tables": str(len(source.tables))},
        )


async def queue_run(
    session: Session,
    queue: JobQueue,
    store: SourceStore,
    tenant_id: UUID,
    source: SourceRecord,
    requested_by: str,
    full: bool,
) -> JobRecord:
    """Queues a run of a source that the session holds."""
    payload = {"source_id": str(source.source_id), "full": full}
    job = await queue.enqueue(session, tenant_id=tenant_id, kind=JOB_KIND, payload=payload, requested_by=requested_by)
    await store.begin_run(session, source.source_id, UUID(job.id.rpartition("/")[2]))
    return job


def login_of(keys: KeyRing, tenant_id: UUID, source: SourceRecord) -> Login:
    """Opens a source's credentials."""
    user, password = json.loads(keys.open(tenant_id, source.source_id, source.sealed))
    return Login(user, password)


def dataset_of(kind: str, table: WantedTable) -> str:
    """Names the dataset that a table becomes: the kind of its source and its name without schema."""
    return f"{kind}/{table.short_name}"


def checked_tables(tables: Sequence[WantedTable]) -> tuple[WantedTable, ...]:
    """Refuses tables whose datasets would be one, and names that no place in the lake can have."""
    seen: set[str] = set()
    for table in tables:
        short = table.short_name
        if (
            not short
            or "/" in short
            or "\\" in short
            or short.startswith((".", "_unfinished"))
            or not short.isprintable()
        ):
            raise InvalidArgument("BAD_SOURCE_TABLE", "A table's name cannot be that of a dataset.", table=table.name)
        if any("\0" in name for name in (table.name, table.cursor, *table.key_columns)):
            raise InvalidArgument("BAD_SOURCE_TABLE", "The name of a table or column has a NUL character.")
        if short.lower() in seen:
            raise InvalidArgument(
                "BAD_SOURCE_TABLE", f"{short} is there twice: datasets go by the name without schema."
            )
        seen.add(short.lower())
    return tuple(tables)
