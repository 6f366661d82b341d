"""RFM: every customer's scores in a kept table per version of the data, and the segments they fall into."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from service_runtime.errors import NotFound

from analytics_service.answers import column_missing
from analytics_service.as_of import NewestTimes
from analytics_service.customer_table import Customer, CustomerTable
from analytics_service.datasets import PAYMENTS, TRANSACTIONS, Dataset
from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.query_engine import Query, QueryEngine, Source
from analytics_service.reports import sql_text
from analytics_service.segments import SEGMENTS
from analytics_service.single_flight import SingleFlight
from analytics_service.tables import Table, Tables

# Changes whenever the same purchases would be scored differently; tables made by older rules are then made anew.
RULES_VERSION = 1
_MOST_OPEN = 64
_FLOAT_ID = re.compile(r"(-?[0-9]+)\.0+")
_WHITE_SPACE = " \t\n\v\f\r\u00a0"

# How each source of purchases calls the customer, the time and the amount.
_NAMES: Mapping[str, Mapping[str, str]] = {
    TRANSACTIONS.name: {"id_cuenta": "id_cuenta", "fecha": "fecha", "monto": "monto"},
    PAYMENTS.name: {"id_cuenta": "customer_id", "fecha": "fecha_pago", "monto": "monto"},
}


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
class _Scored:
    """One version of the purchases, scored."""

    owner: str
    as_of: date
    segmentation: Segmentation
    customers: CustomerTable


class Rfm:
    """Scores a tenant's customers, from its transactions or else from its payments."""

    def __init__(self, tables: Tables, kept: KeptFiles, engine: QueryEngine, times: NewestTimes) -> None:
        self._tables, self._kept, self._engine, self._times = tables, kept, engine, times
        self._flights: SingleFlight[_Scored] = SingleFlight()
        self._open: OrderedDict[str, _Scored] = OrderedDict()

    async def segmentation(self, tenant_id: UUID) -> Segmentation:
        """How the customers are spread over the segments."""
        scored = await self._scored(tenant_id)
        return scored.segmentation if scored else Segmentation(_segments([]), 0, None)

    async def customer(self, tenant_id: UUID, id_cuenta: str) -> tuple[Customer, date]:
        """One customer's scores, and the date they are for. Errors also: CUSTOMER_NOT_FOUND."""
        scored = await self._scored(tenant_id)
        found = scored.customers.find(_as_id(id_cuenta)) if scored else None
        if scored is None or found is None:
            raise NotFound("CUSTOMER_NOT_FOUND", "There is no such customer with a purchase.", id_cuenta=id_cuenta)
        return found, scored.as_of

    def forget(self, tenant_id: UUID) -> None:
        """Drops what is in memory of a tenant."""
        for key in [key for key, scored in self._open.items() if scored.owner == str(tenant_id)]:
            del self._open[key]

    async def _scored(self, tenant_id: UUID) -> _Scored | None:
        table = await self._purchases(tenant_id)
        with self._tables.in_use({"purchases": table}):
            source = {"purchases": table.source(_NAMES[table.dataset.name])}
            newest = await self._times.find(str(tenant_id), "rfm_times", table.version, source)
            if newest is None:
                return None
            key = key_of("rfm", RULES_VERSION, table.version, newest)
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
            return await self._flights.run(key, lambda: self._score(str(tenant_id), key, source, newest))

    async def _purchases(self, tenant_id: UUID) -> Table:
        listed = await self._tables.files(tenant_id, [TRANSACTIONS])
        dataset = TRANSACTIONS if listed[TRANSACTIONS.name] else PAYMENTS
        try:
            table = (await self._tables.open(tenant_id, [dataset], listed if dataset is TRANSACTIONS else None))[
                dataset.table
            ]
        except NotFound as error:
            message = f"Neither {TRANSACTIONS.path} nor {PAYMENTS.path} is in the lake."
            raise NotFound(error.reason, message, path=TRANSACTIONS.path, dataset=TRANSACTIONS.name) from error
        _check_columns(dataset, table)
        return table

    async def _score(self, owner: str, key: str, source: dict[str, Source], newest: datetime) -> _Scored:
        made = self._kept.find(key) or await self._make(owner, key, source, newest)
        rows = made.facts["segments"]
        total = sum(row["clientes"] for row in rows)
        customers = await asyncio.to_thread(CustomerTable, made.path)
        scored = _Scored(owner, newest.date(), Segmentation(_segments(rows), total, newest.date()), customers)
        self._open[key] = scored
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        return scored

    async def _make(self, owner: str, key: str, source: dict[str, Source], newest: datetime) -> KeptFile:
        with self._kept.incoming(".parquet") as sorted_rows, self._kept.incoming(".arrow") as mapped:
            query = Query(owner, sql_text("rfm_customers"), source, {"as_of": newest})
            await self._engine.write(query, sorted_rows)
            tables = {"rfm_customers": Source([sorted_rows])}
            segments = await self._engine.rows(Query(owner, sql_text("rfm_segments"), tables))
            await asyncio.to_thread(CustomerTable.write, sorted_rows, mapped)
            return self._kept.keep(key, owner, mapped, {"segments": segments})


def _check_columns(dataset: Dataset, table: Table) -> None:
    for column in _NAMES[dataset.name].values():
        if column not in table.columns:
            raise column_missing(dataset.name, column)


def _as_id(text: str) -> str:
    """An id as the lake's ids are compared: trimmed, and 17 for 17.0."""
    trimmed = text.strip(_WHITE_SPACE)
    match = _FLOAT_ID.fullmatch(trimmed)
    return match[1] if match else trimmed


def _segments(rows: list[dict[str, Any]]) -> list[Segment]:
    by_name = {row["segmento"]: row for row in rows}
    total = sum(row["clientes"] for row in rows)
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
