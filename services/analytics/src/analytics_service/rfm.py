"""RFM: the segments that a tenant's customers fall into, single customers, and their moves from segment to segment."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from service_runtime.errors import NotFound

from analytics_service.customer_table import Customer
from analytics_service.rfm_move_store import MOST_MOVES, Move, RfmMoveStore
from analytics_service.rfm_scoring import Scoring
from analytics_service.rfm_tables import RfmTable, RfmTables
from analytics_service.segments import SEGMENTS

_FLOAT_ID = re.compile(r"(-?[0-9]+)\.0+")
_WHITE_SPACE = " \t\n\v\f\r\u00a0"


@dataclass(frozen=True)
class Segment:
    """A segment with its figures; means and share are None where there is nothing to divide by."""

    name: str
    description: str
    customers: int = 0
    share: float | None = None
    mean_recency: float | None = None
    mean_frequency: float | None = None
    mean_money: float | None = None


@dataclass(frozen=True)
class Segmentation:
    """All segments, most customers first, ties by name; `as_of` is None where there is no purchase."""

    segments: list[Segment]
    customers: int
    as_of: date | None


@dataclass(frozen=True)
class Found:
    """Customers of one version in the order asked, the ids of those that are not there, and the version's date."""

    customers: list[Customer]
    missing: list[str]
    as_of: date | None


class Rfm:
    """Answers from the kept table of the newest version. Errors of all: those of RfmTables."""

    def __init__(self, tables: RfmTables, moves: RfmMoveStore, scoring: Scoring) -> None:
        self._tables, self._moves, self._scoring = tables, moves, scoring

    async def segmentation(self, tenant_id: UUID) -> Segmentation:
        """How the customers are spread over the segments."""
        scores = (await self._tables.newest(tenant_id)).scores
        total = sum(row["clientes"] for row in scores.segments)
        return Segmentation(_segments(scores.segments, total), total, scores.as_of)

    async def customer(self, tenant_id: UUID, id_cuenta: str) -> tuple[Customer, date]:
        """One customer's scores, and the date they are for. Errors also: CUSTOMER_NOT_FOUND."""
        table = await self._tables.newest(tenant_id)
        found, as_of = table.customers.find(_as_id(id_cuenta)), table.scores.as_of
        if found is None or as_of is None:
            raise _not_found(id_cuenta)
        return found, as_of

    async def customers(self, tenant_id: UUID, ids: Sequence[str]) -> Found:
        """Many customers at once; one that is asked for twice is given twice."""
        table = await self._tables.newest(tenant_id)
        # A thousand take some milliseconds, in which others are answered too.
        return await asyncio.to_thread(_look_up, table, ids)

    async def history(self, tenant_id: UUID, id_cuenta: str) -> list[Move]:
        """A customer's moves, the newest first: to where it stands now, also where no job has written that yet.

        Errors also: CUSTOMER_NOT_FOUND where it never was in a segment.
        """
        wanted = _as_id(id_cuenta)
        standing = self._standing(await self._tables.newest(tenant_id), wanted)
        moves = [] if "\0" in wanted else await self._moves.moves(tenant_id, wanted)
        if standing.segmento != (moves[0].segmento if moves else None):
            moves = [standing, *moves][:MOST_MOVES]
        if not moves:
            raise _not_found(id_cuenta)
        return moves

    def _standing(self, table: RfmTable, id_cuenta: str) -> Move:
        as_of = table.scores.as_of or self._scoring.now().date()
        customer = table.customers.find(id_cuenta)
        return Move(as_of, customer.segmento, customer.rfm) if customer else Move(as_of, None, None)


def _look_up(table: RfmTable, ids: Sequence[str]) -> Found:
    asked = [(wanted, table.customers.find(_as_id(wanted))) for wanted in ids]
    missing = [wanted for wanted, customer in asked if customer is None]
    return Found([customer for _, customer in asked if customer], missing, table.scores.as_of)


def _not_found(id_cuenta: str) -> NotFound:
    return NotFound("CUSTOMER_NOT_FOUND", "There is no such customer with a purchase.", id_cuenta=id_cuenta)


def _as_id(text: str) -> str:
    """An id as the lake's ids are compared: trimmed, and 17 for 17.0."""
    trimmed = text.strip(_WHITE_SPACE)
    match = _FLOAT_ID.fullmatch(trimmed)
    return match[1] if match else trimmed


def _segments(rows: list[dict[str, Any]], total: int) -> list[Segment]:
    by_name = {row["segmento"]: row for row in rows}
    segments = []
    for text in SEGMENTS:
        row = by_name.get(text.name, {"clientes": 0, "porcentaje": 0.0 if total else None})
        segments.append(
            Segment(
                text.name,
                text.description,
                row["clientes"],
                row["porcentaje"],
                row.get("recencia_promedio"),
                row.get("frecuencia_promedio"),
                row.get("monto_promedio"),
            )
        )
    return sorted(segments, key=lambda segment: (-segment.customers, segment.name))
