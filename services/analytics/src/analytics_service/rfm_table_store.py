"""The versions of RFM tables in PostgreSQL: the newest of each tenant, and those that the history still has to take."""

import json
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from service_runtime.database import Database, Session
from sqlalchemy import RowMapping, text

from analytics_service.rfm_scoring import Scores

# While no worker takes them into the history, so many wait; then the oldest go.
MOST_WAITING = 20

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_NEWEST = text(
    "SELECT number, version, newest, until, segments, "
    "seen_at > clock_timestamp() - make_interval(secs => CAST(:age AS float8)) AS is_later "
    "FROM rfm_tables ORDER BY number DESC LIMIT 1"
)
_CONTENT = text("SELECT content FROM rfm_tables WHERE number = :number")
_ADD = text(
    "INSERT INTO rfm_tables (tenant_id, number, version, seen_at, newest, until, segments, content) "
    "VALUES (:tenant_id, :number, :version, clock_timestamp() - make_interval(secs => CAST(:age AS float8)), "
    ":newest, :until, CAST(:segments AS jsonb), :content)"
)
_DROP_OLDER = text("DELETE FROM rfm_tables WHERE number < :number AND (is_recorded OR number <= :number - :waiting)")
_WAITING = text(
    "SELECT number, COALESCE(newest, seen_at AT TIME ZONE 'UTC')::date AS day, content FROM rfm_tables "
    "WHERE NOT is_recorded ORDER BY number LIMIT 1 FOR UPDATE"
)
_RECORDED = text("UPDATE rfm_tables SET is_recorded = true WHERE number = :number")
_TENANTS = text("SELECT tenant_id FROM tenants_with_rfm()")
# Its row is held, so that a worker begins it either before, and it is queued no more, or after this transaction.
_IS_QUEUED = text("SELECT id FROM jobs WHERE kind = :kind AND status = 'QUEUED' AND NOT cancel_requested FOR UPDATE")


@dataclass(frozen=True)
class StoredTable:
    """A version as it is stored, by its number among the tenant's."""

    number: int
    scores: Scores
    # Whether it was seen after the moment that was asked about.
    is_later: bool


@dataclass(frozen=True)
class WaitingTable:
    """A version that the history has not taken: the day that its moves are of, and its customers as Parquet."""

    number: int
    day: date
    content: bytes


class RfmTableStore:
    """The table rfm_tables; each look-up sees one tenant's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_turn(self, session: Session, tenant_id: UUID) -> None:
        """Lets one transaction at a time add versions of a tenant, or take them into the history."""
        await session.execute(_LOCK, {"name": f"rfm:{tenant_id}"})

    async def newest(self, session: Session, *, age: float = 0.0) -> StoredTable | None:
        """The newest version; it `is_later` where it was seen within the last `age` seconds."""
        row = (await session.execute(_NEWEST, {"age": age})).mappings().one_or_none()
        return StoredTable(row["number"], _scores(row), row["is_later"]) if row else None

    async def content(self, session: Session, number: int) -> bytes:
        return bytes((await session.execute(_CONTENT, {"number": number})).scalar_one())

    async def add(
        self, session: Session, tenant_id: UUID, number: int, scores: Scores, content: bytes, age: float
    ) -> None:
        """Adds a version that was seen `age` seconds ago; those that it makes useless go."""
        values = {
            "tenant_id": tenant_id,
            "number": number,
            "version": scores.version,
            "age": age,
            "newest": scores.newest,
            "until": scores.until,
            "segments": json.dumps(scores.segments),
            "content": content,
        }
        await session.execute(_ADD, values)
        await session.execute(_DROP_OLDER, {"number": number, "waiting": MOST_WAITING})

    async def oldest_waiting(self, session: Session) -> WaitingTable | None:
        """The version that the history is to take next."""
        row = (await session.execute(_WAITING)).mappings().one_or_none()
        return WaitingTable(row["number"], row["day"], bytes(row["content"])) if row else None

    async def mark_recorded(self, session: Session, number: int) -> None:
        await session.execute(_RECORDED, {"number": number})
        await session.execute(_DROP_OLDER, {"number": number, "waiting": MOST_WAITING})

    async def is_queued(self, session: Session, kind: str) -> bool:
        """Whether a job of this kind waits, and will see what this transaction writes."""
        return (await session.execute(_IS_QUEUED, {"kind": kind})).first() is not None

    async def tenants(self) -> list[UUID]:
        """All that have a version."""
        async with self._database.system_session() as session:
            return [row.tenant_id for row in await session.execute(_TENANTS)]


def _scores(row: RowMapping) -> Scores:
    return Scores(row["version"], row["newest"], row["until"], row["segments"])
