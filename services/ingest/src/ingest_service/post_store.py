"""Reads posts and metrics out of PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service_runtime.database import Database, Session
from sqlalchemy import text

from ingest_service.record_kinds import METRIC_RECORDS, POST_RECORDS, RecordKind

_NEWEST = text(
    "SELECT newest.* FROM unnest(CAST(:numbers AS integer[])) AS wanted CROSS JOIN LATERAL ("  # noqa: S608
    f"SELECT {', '.join((METRIC_RECORDS.number, *METRIC_RECORDS.columns))} FROM metrics "
    "WHERE metrics.id_usuario = wanted ORDER BY hora DESC LIMIT 1) AS newest"
)
# Columns by which posts are ordered, by the name that callers give to the order.
_ORDERS = {"fecha": "fecha_publicacion", "likes": "likes", "comentarios": "comentarios", "compartidos": "compartidos"}


@dataclass(frozen=True)
class Window:
    """Which rows of an account: from a time, before a time, of a type (posts only), how many, after how many; `order`
    (posts only) names a column, with `-` from the highest down, and is by time where it is empty."""

    since: datetime | None
    before: datetime | None
    tipo_contenido: str
    limit: int
    offset: int
    order: str = ""


@dataclass(frozen=True)
class Page:
    """Rows and how many there are in all."""

    rows: Sequence[Mapping[str, Any]]
    total: int


class PostStore:
    """Posts and metrics of a tenant's accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def posts(self, tenant_id: UUID, id_usuario: int, window: Window) -> Page:
        return await self._page(tenant_id, POST_RECORDS, id_usuario, window)

    async def metrics(self, tenant_id: UUID, id_usuario: int, window: Window) -> Page:
        return await self._page(tenant_id, METRIC_RECORDS, id_usuario, window)

    async def _page(self, tenant_id: UUID, kind: RecordKind, id_usuario: int, window: Window) -> Page:
        time = kind.time
        conditions = ["id_usuario = :id_usuario"]
        if window.since is not None:
            conditions.append(f"{time} >= :since")
        if window.before is not None:
            conditions.append(f"{time} < :before")
        if window.tipo_contenido:
            conditions.append("tipo_contenido = :tipo_contenido")
        where = " AND ".join(conditions)
        values = {
            "id_usuario": id_usuario,
            "since": window.since,
            "before": window.before,
            "tipo_contenido": window.tipo_contenido,
            "limit": window.limit,
            "offset": window.offset,
        }
        columns = ", ".join((kind.number, *kind.columns))
        page = text(
            f"SELECT {columns} FROM {kind.name} WHERE {where} "  # noqa: S608
            f"ORDER BY {_order(kind, window.order)}, {kind.number} LIMIT :limit OFFSET :offset"
        )
        count = text(f"SELECT count(*) FROM {kind.name} WHERE {where}")  # noqa: S608
        async with self._database.tenant_session(tenant_id) as session:
            total = (await session.execute(count, values)).scalar_one()
            rows = (await session.execute(page, values)).mappings().all()
        return Page([dict(row) for row in rows], int(total))

    async def newest_metrics(self, session: Session, numbers: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Gives the newest reading of each of these accounts that has one, by the account's number."""
        rows = await session.execute(_NEWEST, {"numbers": list(numbers)})
        return {row["id_usuario"]: dict(row) for row in rows.mappings()}


def _order(kind: RecordKind, order: str) -> str:
    column = _ORDERS[order.removeprefix("-")] if order else kind.time
    return f"{column} DESC" if order.startswith("-") else column
