"""From a tenant's purchases to the scores of every customer, for one version of the purchases."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from service_runtime.errors import NotFound
from service_runtime.lake import StoredObject

from analytics_service.datasets import PAYMENTS, TRANSACTIONS, Dataset
from analytics_service.kept_files import key_of
from analytics_service.query_engine import Query, QueryEngine, QueryFailed, Source
from analytics_service.report_inputs import column_missing
from analytics_service.reports import sql_text
from analytics_service.tables import Table, Tables, version_of

# Changes whenever the same purchases would be scored differently; tables made by older rules are then made anew.
RULES_VERSION = 3

# How each source of purchases calls the customer, the time and the amount.
_NAMES: Mapping[str, Mapping[str, str]] = {
    TRANSACTIONS.name: {"id_cuenta": "id_cuenta", "fecha": "fecha", "monto": "monto"},
    PAYMENTS.name: {"id_cuenta": "customer_id", "fecha": "fecha_pago", "monto": "monto"},
}

# Gives the files that make up each dataset now, by its name.
ListFiles: TypeAlias = Callable[[UUID, Sequence[Dataset]], Awaitable[Mapping[str, Sequence[StoredObject]]]]


@dataclass(frozen=True)
class Purchases:
    """The files that a tenant's purchases were in when they were listed."""

    dataset: Dataset
    files: Sequence[StoredObject]
    version: str


@dataclass(frozen=True)
class Scores:
    """What a version of the purchases comes to: its newest one, the next one to come, and the segments' figures."""

    version: str
    newest: datetime | None
    until: datetime | None
    segments: list[dict[str, Any]]

    @property
    def as_of(self) -> date | None:
        return self.newest.date() if self.newest else None

    @property
    def identity(self) -> tuple[str, datetime | None]:
        """Tells these scores from all others of the tenant."""
        return self.version, self.newest

    def holds(self, moment: datetime) -> bool:
        """Whether no purchase has come since, whose time was still to come."""
        return self.until is None or moment < self.until


class Scoring:
    """Scores a tenant's customers, from its transactions or else from its payments."""

    def __init__(self, tables: Tables, engine: QueryEngine, local: QueryEngine, clock: Callable[[], datetime]) -> None:
        """`local` is the engine that reads files of this machine, as the scored customers are one."""
        self._tables, self._engine, self._local, self._clock = tables, engine, local, clock

    def now(self) -> datetime:
        """The clock in UTC, without zone as the lake's times are."""
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    async def purchases(self, tenant_id: UUID) -> Purchases:
        """The files as they are now. Errors: DATASET_NOT_FOUND, LAKE_UNAVAILABLE."""
        return await find_purchases(self._tables.files, tenant_id)

    async def score(self, tenant_id: UUID, purchases: Purchases, target: Path) -> Scores:
        """Writes all customers as Parquet, sorted by id; of a newer version where the files were replaced meanwhile.

        Errors: as of `purchases`, and COLUMN_MISSING, DATASET_UNREADABLE, QUERY_TIMEOUT.
        """
        try:
            return await self._scored(tenant_id, purchases, target)
        except QueryFailed:
            # Somebody took a file out of the cache's folder or spoiled it: it is made again, once.
            dataset = purchases.dataset
            self._tables.discard(tenant_id, [dataset], {dataset.name: purchases.files})
            return await self._scored(tenant_id, purchases, target)

    async def _scored(self, tenant_id: UUID, purchases: Purchases, target: Path) -> Scores:
        table = await self._table(tenant_id, purchases)
        with self._tables.in_use({"purchases": table}):
            sources = {"purchases": table.source(_NAMES[table.dataset.name])}
            return await self._write(str(tenant_id), _version(table.version), sources, target)

    async def _table(self, tenant_id: UUID, purchases: Purchases) -> Table:
        dataset = purchases.dataset
        try:
            listed = {dataset.name: list(purchases.files)}
            table = (await self._tables.open(tenant_id, [dataset], listed))[dataset.table]
        except NotFound as error:
            raise _no_purchases() from error
        for column in _NAMES[dataset.name].values():
            if column not in table.columns:
                raise column_missing(dataset.name, column)
        return table

    async def _write(self, owner: str, version: str, sources: Mapping[str, Source], target: Path) -> Scores:
        (times,) = await self._engine.rows(Query(owner, sql_text("rfm_times"), sources, {"now": self.now()}))
        query = Query(owner, sql_text("rfm_customers"), sources, {"as_of": times["newest"]})
        await self._engine.write(query, target)
        scored = {"rfm_customers": Source([target])}
        segments = await self._local.rows(Query(owner, sql_text("rfm_segments"), scored))
        return Scores(version, times["newest"], times["next"], segments)


async def find_purchases(list_files: ListFiles, tenant_id: UUID) -> Purchases:
    """The files as they are now. Errors: DATASET_NOT_FOUND, LAKE_UNAVAILABLE."""
    for dataset in (TRANSACTIONS, PAYMENTS):
        if files := (await list_files(tenant_id, [dataset]))[dataset.name]:
            return Purchases(dataset, files, _listed_version(tenant_id, dataset.name, tuple(files)))
    raise _no_purchases()


# At every request it is asked for the same files again.
@lru_cache(1024)
def _listed_version(tenant_id: UUID, name: str, files: tuple[StoredObject, ...]) -> str:
    dataset = TRANSACTIONS if name == TRANSACTIONS.name else PAYMENTS
    return _version(version_of(tenant_id, dataset, files))


def _version(of_table: str) -> str:
    return key_of("rfm", RULES_VERSION, of_table)


def _no_purchases() -> NotFound:
    message = f"Neither {TRANSACTIONS.path} nor {PAYMENTS.path} is in the lake."
    return NotFound("DATASET_NOT_FOUND", message, path=TRANSACTIONS.path, dataset=TRANSACTIONS.name)
