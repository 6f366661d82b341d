"""What the lake's copy still lacks, and the rows of its partitions, out of PostgreSQL."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from service_runtime.database import Session
from sqlalchemy import text

from ingest_service.copy_out_store import copy_out
from ingest_service.record_kinds import RecordKind

# One at a time copies a tenant's kind; the lock ends with the transaction.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4715))")
_STALE = text(
    "SELECT changes.id_usuario, coalesce(own.username, changes.cuenta) AS username, mes, changed, urgent, "
    # Of an account that is gone the partition holds what another one of the same name has, or nothing.
    "coalesce(own.id_usuario, heir.id_usuario, 0) AS source FROM lake_partitions AS changes "
    "LEFT JOIN accounts AS own USING (tenant_id, id_usuario) "
    "LEFT JOIN accounts AS heir ON heir.tenant_id = changes.tenant_id AND heir.username = changes.cuenta "
    "WHERE kind = :kind AND copied < changed ORDER BY urgent DESC, username, mes"
)
_FORGET = text(
    "DELETE FROM lake_partitions AS changes WHERE kind = :kind AND copied >= changed AND NOT EXISTS (SELECT "
    "FROM accounts WHERE accounts.tenant_id = changes.tenant_id AND accounts.id_usuario = changes.id_usuario)"
)
_COPIED = text(
    "UPDATE lake_partitions SET copied = seen.changed, urgent = urgent AND lake_partitions.changed > seen.changed FROM "
    "(SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:months AS text[]), CAST(:changed AS bigint[]))) "
    "AS seen (id_usuario, mes, changed) WHERE lake_partitions.kind = :kind "
    "AND lake_partitions.id_usuario = seen.id_usuario AND lake_partitions.mes = seen.mes"
)


@dataclass(frozen=True)
class Partition:
    """A partition of a lake table: an account, and a month where the table has months; `source` is whose rows it holds,
    0 where nobody's. For an urgent one somebody waits."""

    id_usuario: int
    username: str
    mes: str
    changed: int
    source: int
    urgent: bool = False

    @property
    def key(self) -> tuple[int, str]:
        return self.id_usuario, self.mes


class LakeStore:
    """Reads for the lake's copy, inside the caller's transaction."""

    async def lock(self, session: Session, tenant_id: UUID, kind: RecordKind) -> None:
        await session.execute(_LOCK, {"name": f"{tenant_id}/{kind.name}"})

    async def stale(self, session: Session, kind: RecordKind) -> list[Partition]:
        """Gives the partitions that have changed since they were copied, those first for which somebody waits."""
        return [Partition(**row) for row in (await session.execute(_STALE, {"kind": kind.name})).mappings()]

    async def export(
        self,
        driver: psycopg.AsyncConnection[tuple[object, ...]],
        kind: RecordKind,
        columns: Sequence[str],
        partitions: Sequence[Partition],
        target: Path,
    ) -> None:
        """Writes the rows of one account's partitions as CSV without a header, by time."""
        wanted = f"id_usuario = {partitions[0].source}"
        order = kind.time
        if kind.by_month:
            spans = list(_spans(sorted({partition.mes for partition in partitions})))
            times = (f"{order} >= '{first}-01Z' AND {order} < '{after}-01Z'" for first, after in spans)
            wanted += f" AND {order} >= '{spans[0][0]}-01Z' AND {order} < '{spans[-1][1]}-01Z'"
            wanted += f" AND ({' OR '.join(times)})"
        statement = (
            f"COPY (SELECT {', '.join(columns)} FROM {kind.name} WHERE {wanted} "  # noqa: S608
            f"ORDER BY {order}, {kind.number}) TO STDOUT (FORMAT csv)"
        )
        await self._copy_out(driver, statement, target)

    async def export_all(
        self,
        driver: psycopg.AsyncConnection[tuple[object, ...]],
        kind: RecordKind,
        columns: Sequence[str],
        target: Path,
    ) -> None:
        """Writes every row of the tenant as CSV without a header, behind the values of its partition."""
        values = ["username", *([kind.month.format(row=kind.name)] if kind.by_month else [])]
        values += [f"{kind.name}.{column}" for column in columns]
        await self._copy_out(
            driver,
            f"COPY (SELECT {', '.join(values)} FROM {kind.name} "  # noqa: S608
            "LEFT JOIN accounts USING (tenant_id, id_usuario)) TO STDOUT (FORMAT csv)",
            target,
        )

    async def _copy_out(
        self, driver: psycopg.AsyncConnection[tuple[object, ...]], statement: str, target: Path
    ) -> None:
        async with driver.cursor() as cursor:
            # Of a tenant that came after the last ANALYZE the planner expects one row, and would rather sort all of the
            # tenant's rows for each account than read an account's by the index that has them in this order.
            await cursor.execute("SET LOCAL timezone = 'UTC'; SET LOCAL enable_sort = off")
        with target.open("wb") as file:
            copying = asyncio.create_task(asyncio.to_thread(copy_out, driver.pgconn, statement, file))
            try:
                await asyncio.shield(copying)
            finally:
                # Whoever is told to stop leaves the connection only when the thread has done with it.
                await asyncio.gather(copying, return_exceptions=True)

    async def mark_copied(self, session: Session, kind: RecordKind, partitions: Sequence[Partition]) -> None:
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
        await session.execute(_FORGET, {"kind": kind.name})


def _month_after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _spans(months: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Joins months in order to spans without gaps: each one's first month, and the month after its last."""
    first, after = months[0], _month_after(months[0])
    for month in months[1:]:
        if month != after:
            yield first, after
            first = month
        after = _month_after(month)
    yield first, after
