"""Notes which partitions of the lake's tables a transaction has changed, and asks the worker to copy them."""

from collections.abc import Iterable
from uuid import UUID

from service_runtime.database import Session
from service_runtime.jobs import SideTask
from sqlalchemy import text

from ingest_service.record_kinds import RecordKind

LAKE_COPY = SideTask("ingest-lake", "copy_to_lake", at_a_time=2)
# Changes that follow each other within it are copied together.
PAUSE_SECONDS = 1.0

_TAKE_TURN = text(
    "INSERT INTO lake_copies (tenant_id, queued) VALUES (:tenant_id, false) "
    "ON CONFLICT (tenant_id) DO UPDATE SET queued = lake_copies.queued"
)
# The row is held until the transaction ends also where a copy is queued already.
_QUEUE = text(
    "INSERT INTO lake_copies (tenant_id, queued) VALUES (:tenant_id, true) "
    "ON CONFLICT (tenant_id) DO UPDATE SET queued = true WHERE NOT lake_copies.queued RETURNING tenant_id"
)
_BEGIN = text("UPDATE lake_copies SET queued = false")
_TENANTS = text("SELECT tenants_in_the_lake()")
ONCE_MORE = "ON CONFLICT (tenant_id, kind, id_usuario, mes) DO UPDATE SET changed = lake_partitions.changed + 1"
_NOTE = text(
    "INSERT INTO lake_partitions (tenant_id, kind, id_usuario, mes, urgent) "  # noqa: S608
    "SELECT :tenant_id, :kind, number, mes, :urgent "
    "FROM unnest(CAST(:numbers AS integer[]), CAST(:months AS text[])) AS noted (number, mes) "
    f"{ONCE_MORE}, urgent = lake_partitions.urgent OR excluded.urgent"
)
_NOTE_GONE = text(
    "UPDATE lake_partitions SET changed = changed + 1, urgent = true, cuenta = :username WHERE id_usuario = :id_usuario"
)


class LakeChanges:
    """What the lake's copy is to follow, noted in the transaction of the change."""

    async def take_turn(self, session: Session, tenant_id: UUID) -> None:
        """Lets one transaction at a time note a tenant's changes, or their copies: so that none waits for another that
        waits for it."""
        await session.execute(_TAKE_TURN, {"tenant_id": tenant_id})

    async def note(
        self,
        session: Session,
        tenant_id: UUID,
        kind: RecordKind,
        partitions: Iterable[tuple[int, str]],
        *,
        urgent: bool = False,
    ) -> None:
        """Notes partitions, each an account and a month; whoever notes sees to it that they are copied. Urgent ones
        are copied first."""
        wanted = sorted(set(partitions))
        values = {
            "tenant_id": tenant_id,
            "kind": kind.name,
            "numbers": [number for number, _ in wanted],
            "months": [month for _, month in wanted],
            "urgent": urgent,
        }
        await session.execute(_NOTE, values)

    async def note_and_queue(
        self, session: Session, tenant_id: UUID, kind: RecordKind, partitions: Iterable[tuple[int, str]]
    ) -> None:
        await self.queue(session, tenant_id)
        await self.note(session, tenant_id, kind, partitions, urgent=True)

    async def note_gone(self, session: Session, tenant_id: UUID, id_usuario: int, username: str) -> None:
        """Notes that nothing of an account is to stay in the lake, under the name that it has there."""
        await self.queue(session, tenant_id)
        await session.execute(_NOTE_GONE, {"id_usuario": id_usuario, "username": username})

    async def queue(self, session: Session, tenant_id: UUID) -> None:
        """Queues a copy where none is queued that has yet to begin."""
        if (await session.execute(_QUEUE, {"tenant_id": tenant_id})).scalar_one_or_none() is not None:
            await LAKE_COPY.ask(session, tenant_id, seconds=PAUSE_SECONDS)

    async def begin(self, session: Session) -> None:
        """Begins a copy: waits for those that are noting, and lets the next one be queued."""
        await session.execute(_BEGIN)

    async def tenants(self, session: Session) -> list[UUID]:
        """Gives every tenant that has had something to copy."""
        return list((await session.execute(_TENANTS)).scalars())
