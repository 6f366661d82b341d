"""Reads posts and metrics out of PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service_runtime.database import Database
from sqlalchemy import text

from ingest_service.record_kinds import METRIC_RECORDS, POST_RECORDS, RecordKind

_TIME = {"posts": "fecha_publicacion", "metrics": "hora"}


@dataclass(frozen=True)
class Window:
    """Which rows of an account: from a time, before a time, of a type (posts only), how many, after how many."""

    since: datetime | None
    before: datetime | None
    tipo_contenido: str
    limit: int
    offset: int


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
        time = _TIME[kind.name]
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
            f"ORDER BY {time}, {kind.number} LIMIT :limit OFFSET :offset"
        )
        count = text(f"SELECT count(*) FROM {kind.name} WHERE {where}")  # noqa: S608
        async with self._database.tenant_session(tenant_id) as session:
            total = (await session.execute(count, values)).scalar_one()
            rows = (await session.execute(page, values)).mappings().all()
        return Page([dict(row) for row in rows], int(total))
