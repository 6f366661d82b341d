"""What the lake's copy still lacks, and the rows of its partitions, out of PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ingest_service.record_store import RecordKind

# One at a time copies a tenant's kind; the lock ends with the transaction.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4715))")
_STALE = text(
    "SELECT id_usuario, username, mes, changed FROM lake_partitions JOIN accounts USING (tenant_id, id_usuario) "
    "WHERE kind = :kind AND copied < changed ORDER BY id_usuario, mes"
)
_COPIED = text(
    "UPDATE lake_partitions SET copied = seen.changed FROM "
    "(SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:months AS text[]), CAST(:changed AS bigint[]))) "
    "AS seen (id_usuario, mes, changed) WHERE lake_partitions.kind = :kind "
    "AND lake_partitions.id_usuario = seen.id_usuario AND lake_partitions.mes = seen.mes"
)


@dataclass(frozen=True)
class Partition:
    """A partition of a lake table: an account, and a month where the table has months."""

    id_usuario: int
    username: str
    mes: str
    changed: int
    rows: int = 0

    @property
    def span(self) -> str:
        """SQL for the partition's rows among its account's."""
        if not self.mes:
            return "true"
        year, month = int(self.mes[:4]), int(self.mes[5:])
        after = f"{year + month // 12:04d}-{month % 12 + 1:02d}"
        return f"fecha_publicacion >= '{self.mes}-01Z' AND fecha_publicacion < '{after}-01Z'"


class LakeStore:
    """Reads for the lake's copy, inside the caller's transaction."""

    async def lock(self, session: AsyncSession, tenant_id: UUID, kind: RecordKind) -> None:
        await session.execute(_LOCK, {"name": f"{tenant_id}/{kind.name}"})

    async def stale(self, session: AsyncSession, kind: RecordKind) -> list[Partition]:
        """Gives the partitions that have changed since they were copied, with their rows."""
        found = [Partition(**row) for row in (await session.execute(_STALE, {"kind": kind.name})).mappings()]
        if not found:
            return []
        counts = await session.execute(
            text(
                f"SELECT id_usuario, {kind.month.format(row='kept')} AS mes, count(*) FROM {kind.name} AS kept "  # noqa: S608
                "WHERE id_usuario = ANY(:numbers) GROUP BY 1, 2"
            ),
            {"numbers": sorted({partition.id_usuario for partition in found})},
        )
        rows = {(number, month): count for number, month, count in counts}
        return [
            Partition(p.id_usuario, p.username, p.mes, p.changed, rows.get((p.id_usuario, p.mes), 0)) for p in found
        ]

    async def export(
        self,
        driver: psycopg.AsyncConnection[tuple[object, ...]],
        kind: RecordKind,
        columns: Sequence[str],
        partition: Partition,
        target: Path,
    ) -> None:
        """Writes a partition's rows as CSV without a header, by time and number."""
        order = kind.number if kind.month == "''" else f"fecha_publicacion, {kind.number}"
        statement = (
            f"COPY (SELECT {', '.join(columns)} FROM {kind.name} WHERE id_usuario = {partition.id_usuario} "  # noqa: S608
            f"AND {partition.span} ORDER BY {order}) TO STDOUT (FORMAT csv)"
        )
        async with driver.cursor() as cursor:
            await cursor.execute("SET LOCAL timezone = 'UTC'")
            with target.open("wb") as file:
                async with cursor.copy(statement.encode()) as copy:
                    async for data in copy:
                        file.write(data)

    async def mark_copied(self, session: AsyncSession, kind: RecordKind, partitions: Sequence[Partition]) -> None:
        """Notes what was copied; a change since then has a higher number and stays to be done."""
        await session.execute(
            _COPIED,
            {
                "kind": kind.name,
                "numbers": [partition.id_usuario for partition in partitions],
                "months": [partition.mes for partition in partitions],
                "changed": [partition.changed for partition in partitions],
            },
        )
