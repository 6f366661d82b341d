"""Sources, the states of their tables and what runs left out, in PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from service_runtime.database import Session
from service_runtime.errors import AlreadyExists
from sqlalchemy import Result, RowMapping, text
from sqlalchemy.exc import IntegrityError

from ingest_service.sources.address import Address
from ingest_service.sources.sealing import Sealed
from ingest_service.sources.table import WantedTable

_COLUMNS = (
    "s.source_id, s.name, s.kind, s.host, s.port, s.database_name, s.tls, s.key_id, s.wrapped_key, s.credentials, "
    "s.tables, s.format, s.schedule, s.timezone, s.next_run_at, s.is_active, s.created_at, s.last_job_id, "
    "s.last_run_at, coalesce(j.status, '') AS last_status, coalesce(j.rows_read, 0) AS last_rows"
)
_FROM = "FROM sources s LEFT JOIN jobs j ON j.id = s.last_job_id"
_PAGE = text(f"SELECT {_COLUMNS} {_FROM} WHERE s.name > :after ORDER BY s.name LIMIT :limit")
_GET = text(f"SELECT {_COLUMNS} {_FROM} WHERE s.source_id = :source_id")
# Statements of their own: who has waited for the row must see the job that the other one has queued meanwhile.
_HOLD_BY_NAME = text("SELECT source_id FROM sources WHERE name = :name FOR UPDATE")
_HOLD_BY_ID = text("SELECT source_id FROM sources WHERE source_id = :source_id FOR UPDATE")
_HOLD_DUE = text(
    "SELECT source_id FROM sources WHERE source_id = :source_id AND next_run_at <= :moment AND is_active "
    "FOR UPDATE SKIP LOCKED"
)
# Until the transaction ends, nobody else of the tenant asks whose a dataset is.
_HOLD_DATASETS = text("SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.tenant_id'), 4718))")
_COUNT = text("SELECT count(*) FROM sources WHERE tenant_id = :tenant_id")
_KEPT = (
    "name = :name, kind = :kind, host = :host, port = :port, database_name = :database_name, tls = :tls, "
    "key_id = :key_id, wrapped_key = :wrapped_key, credentials = :credentials, tables = CAST(:tables AS jsonb), "
    "format = :format, schedule = :schedule, timezone = :timezone, next_run_at = :next_run_at, is_active = :is_active"
)
_INSERT = text(
    "INSERT INTO sources (tenant_id, source_id, name, kind, host, port, database_name, tls, key_id, wrapped_key, "
    "credentials, tables, format, schedule, timezone, next_run_at, is_active) VALUES (:tenant_id, :source_id, :name, "
    ":kind, :host, :port, :database_name, :tls, :key_id, :wrapped_key, :credentials, CAST(:tables AS jsonb), :format, "
    ":schedule, :timezone, :next_run_at, :is_active) RETURNING created_at"
)
_UPDATE = text(f"UPDATE sources SET {_KEPT} WHERE source_id = :source_id")  # noqa: S608
_DELETE = text("DELETE FROM sources WHERE source_id = :source_id")
_BEGIN = text("UPDATE sources SET last_job_id = :job_id, last_run_at = now() WHERE source_id = :source_id")
_NEXT = text("UPDATE sources SET next_run_at = :next_run_at WHERE source_id = :source_id")
_REWRAP = text("UPDATE sources SET key_id = :key_id, wrapped_key = :wrapped_key WHERE source_id = :source_id")
_ALL_DUE = text("SELECT tenant_id, source_id FROM due_sources(:moment)")
_UNDER_OTHER_KEYS = text("SELECT tenant_id, source_id FROM sources_under_other_keys(:key_id)")


@dataclass(frozen=True)
class SourceRecord:
    """A source of the tenant's, its credentials sealed."""

    source_id: UUID
    name: str
    address: Address
    sealed: Sealed
    tables: tuple[WantedTable, ...]
    format: str
    schedule: str
    timezone: str
    next_run_at: datetime | None
    is_active: bool = True
    created_at: datetime | None = None
    last_job_id: UUID | None = None
    last_run_at: datetime | None = None
    last_status: str = ""
    last_rows: int = 0

    @property
    def runs(self) -> bool:
        """Whether a run of it waits or is under way."""
        return self.last_status in ("QUEUED", "RUNNING")


class SourceStore:
    """Sources of the session's tenant."""

    async def page(self, session: Session, after: str, limit: int) -> list[SourceRecord]:
        rows = await session.execute(_PAGE, {"after": after, "limit": limit})
        return [_record(row) for row in rows.mappings()]

    async def by_name(self, session: Session, name: str) -> SourceRecord | None:
        """Gives a source and holds it: until the transaction ends, nobody else changes or runs it."""
        return await self._held(session, await session.execute(_HOLD_BY_NAME, {"name": name}))

    async def by_id(self, session: Session, source_id: UUID) -> SourceRecord | None:
        """Does the same by id."""
        return await self._held(session, await session.execute(_HOLD_BY_ID, {"source_id": source_id}))

    async def take_due(self, session: Session, source_id: UUID, moment: datetime) -> SourceRecord | None:
        """Gives a source that is still due, unless somebody else holds it."""
        held = await session.execute(_HOLD_DUE, {"source_id": source_id, "moment": moment})
        return await self._held(session, held)

    async def count(self, session: Session, tenant_id: UUID) -> int:
        return int((await session.execute(_COUNT, {"tenant_id": tenant_id})).scalar_one())

    async def hold_datasets(self, session: Session) -> None:
        """Lets only one at a time look which datasets are taken, and take some."""
        await session.execute(_HOLD_DATASETS)

    async def insert(self, session: Session, tenant_id: UUID, source: SourceRecord) -> SourceRecord:
        """Adds a source; raises SOURCE_EXISTS where the name is taken, and the session is then of no more use."""
        try:
            created = (await session.execute(_INSERT, {"tenant_id": tenant_id, **_values(source)})).scalar_one()
        except IntegrityError as error:
            if "sources_name" not in str(error.orig):
                raise
            raise AlreadyExists("SOURCE_EXISTS", "Your company has a source of this name.", name=source.name) from error
        return replace(source, created_at=created)

    async def update(self, session: Session, source: SourceRecord) -> None:
        await session.execute(_UPDATE, _values(source))

    async def delete(self, session: Session, source_id: UUID) -> None:
        await session.execute(_DELETE, {"source_id": source_id})

    async def begin_run(self, session: Session, source_id: UUID, job_id: UUID) -> None:
        await session.execute(_BEGIN, {"source_id": source_id, "job_id": job_id})

    async def set_next_run(self, session: Session, source_id: UUID, next_run_at: datetime | None) -> None:
        await session.execute(_NEXT, {"source_id": source_id, "next_run_at": next_run_at})

    async def rewrap(self, session: Session, source_id: UUID, sealed: Sealed) -> None:
        values = {"source_id": source_id, "key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key}
        await session.execute(_REWRAP, values)

    async def all_due(self, session: Session, moment: datetime) -> list[tuple[UUID, UUID]]:
        """Gives tenant and source of what is to run by now; in a session of no tenant."""
        return [(row[0], row[1]) for row in await session.execute(_ALL_DUE, {"moment": moment})]

    async def under_other_keys(self, session: Session, key_id: str) -> list[tuple[UUID, UUID]]:
        """Gives tenant and source of what another key than this wraps; in a session of no tenant."""
        return [(row[0], row[1]) for row in await session.execute(_UNDER_OTHER_KEYS, {"key_id": key_id})]

    async def _held(self, session: Session, held: Result[Any]) -> SourceRecord | None:
        source_id = held.scalar_one_or_none()
        if source_id is None:
            return None
        return _record((await session.execute(_GET, {"source_id": source_id})).mappings().one())


def _values(source: SourceRecord) -> dict[str, Any]:
    address, sealed = source.address, source.sealed
    return {
        "source_id": source.source_id,
        "name": source.name,
        "kind": address.kind,
        "host": address.host,
        "port": address.port,
        "database_name": address.database,
        "tls": address.tls,
        "key_id": sealed.key_id,
        "wrapped_key": sealed.wrapped_key,
        "credentials": sealed.secret,
        "tables": json.dumps(_tables(source.tables)),
        "format": source.format,
        "schedule": source.schedule,
        "timezone": source.timezone,
        "next_run_at": source.next_run_at,
        "is_active": source.is_active,
    }


def _tables(tables: Sequence[WantedTable]) -> list[dict[str, Any]]:
    return [table.as_json() for table in tables]


def _record(row: RowMapping) -> SourceRecord:
    return SourceRecord(
        source_id=row["source_id"],
        name=row["name"],
        address=Address(row["kind"], row["host"], row["port"], row["database_name"], row["tls"]),
        sealed=Sealed(row["key_id"], bytes(row["wrapped_key"]), bytes(row["credentials"])),
        tables=tuple(WantedTable.from_json(table) for table in row["tables"]),
        format=row["format"],
        schedule=row["schedule"],
        timezone=row["timezone"],
        next_run_at=row["next_run_at"],
        is_active=row["is_active"],
        created_at=row["created_at"],
        last_job_id=row["last_job_id"],
        last_run_at=row["last_run_at"],
        last_status=row["last_status"],
        last_rows=row["last_rows"],
    )
