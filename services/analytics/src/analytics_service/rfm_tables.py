"""The RFM tables that this process has open: of the version that the lake holds when somebody asks."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from service_runtime.errors import ServiceError

from analytics_service.customer_table import CustomerTable
from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.rfm_publishing import RfmPublishing
from analytics_service.rfm_scoring import Purchases, Scores, Scoring
from analytics_service.single_flight import SingleFlight

MOST_OPEN = 64
# After PostgreSQL could not be told of a version, it is told again at the first request after so long.
TELL_AGAIN_SECONDS = 5.0
_log = structlog.stdlib.get_logger("analytics_service.rfm")


@dataclass(frozen=True)
class RfmTable:
    """One version: the segments' figures, and the customers to look up."""

    scores: Scores
    customers: CustomerTable


class RfmTables:
    """Opens the newest version: from memory, from the disk, as another process has published it, or by scoring."""

    def __init__(self, scoring: Scoring, kept: KeptFiles, publishing: RfmPublishing) -> None:
        self._scoring, self._kept, self._publishing = scoring, kept, publishing
        self._flights: SingleFlight[RfmTable] = SingleFlight()
        self._open: OrderedDict[tuple[UUID, str], RfmTable] = OrderedDict()
        # What PostgreSQL was last told of each tenant, and who is telling it.
        self._told: dict[UUID, tuple[str, datetime | None]] = {}
        self._telling: dict[asyncio.Task[None], UUID] = {}

    async def newest(self, tenant_id: UUID) -> RfmTable:
        """The table of the files that are there now. Errors: those of Scoring."""
        seen_at = time.monotonic()
        purchases = await self._scoring.purchases(tenant_id)
        key = (tenant_id, purchases.version)
        table = self._open.get(key)
        if table is None or not table.scores.holds(self._scoring.now()):
            table = await self._flights.run(key, lambda: self._load(tenant_id, purchases, seen_at))
        else:
            self._open.move_to_end(key)
        if self._told.get(tenant_id) != table.scores.identity:
            # Known here and not the last that was told, as when older files come back.
            notice = self._publishing.notice(tenant_id, table.scores.version, self._scoring.now())
            self._tell(tenant_id, table.scores, notice)
        return table

    async def forget(self, tenant_id: UUID) -> None:
        """Drops what is in memory of a tenant; nothing more is told of it behind this."""
        for key in [key for key in self._open if key[0] == tenant_id]:
            del self._open[key]
        self._told.pop(tenant_id, None)
        await _end([task for task, of in self._telling.items() if of == tenant_id])

    async def settle(self) -> None:
        """Waits until everything is told that is to be told."""
        while self._telling:
            await asyncio.wait(list(self._telling))

    async def close(self) -> None:
        if self._telling:
            await asyncio.wait(list(self._telling), timeout=2)
        await _end(list(self._telling))

    async def _load(self, tenant_id: UUID, purchases: Purchases, seen_at: float) -> RfmTable:
        with self._kept.incoming(".parquet") as customers:
            found = self._on_disk(tenant_id, purchases.version)
            if found is None and (scores := await self._published(tenant_id, purchases.version, customers)):
                found = await self._keep(tenant_id, scores, customers), scores
                self._told[tenant_id] = scores.identity
            if found is None:
                scores = await self._scoring.score(tenant_id, purchases, customers)
                found = await self._keep(tenant_id, scores, customers), scores
                content = await asyncio.to_thread(customers.read_bytes)
                age = time.monotonic() - seen_at
                self._tell(tenant_id, scores, self._publishing.publish(tenant_id, scores, content, age))
        file, scores = found
        with self._kept.in_use([file]):
            table = RfmTable(scores, await asyncio.to_thread(CustomerTable, file.path))
        self._open[tenant_id, scores.version] = table
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return table

    def _on_disk(self, tenant_id: UUID, version: str) -> tuple[KeptFile, Scores] | None:
        file = self._kept.find(_key(tenant_id, version))
        scores = _read_facts(file.facts) if file else None
        return (file, scores) if file and scores and scores.holds(self._scoring.now()) else None

    async def _published(self, tenant_id: UUID, version: str, target: Path) -> Scores | None:
        try:
            found = await self._publishing.find(tenant_id, version)
        except ServiceError as error:
            # Without PostgreSQL each process scores for itself.
            _log.warning("a published RFM table cannot be read", reason=error.reason)
            return None
        if found is None or not found[0].holds(self._scoring.now()):
            return None
        await asyncio.to_thread(target.write_bytes, found[1])
        return found[0]

    async def _keep(self, tenant_id: UUID, scores: Scores, customers: Path) -> KeptFile:
        with self._kept.incoming(".arrow") as mapped:
            await asyncio.to_thread(CustomerTable.write, customers, mapped)
            return self._kept.keep(_key(tenant_id, scores.version), str(tenant_id), mapped, _facts(scores))

    def _tell(self, tenant_id: UUID, scores: Scores, telling: Coroutine[Any, Any, object]) -> None:
        """Tells PostgreSQL beside the request, which need not wait for it."""
        self._told[tenant_id] = scores.identity
        task = asyncio.create_task(self._told_or_later(tenant_id, telling))
        self._telling[task] = tenant_id
        task.add_done_callback(self._telling.pop)

    async def _told_or_later(self, tenant_id: UUID, telling: Coroutine[Any, Any, object]) -> None:
        try:
            await telling
        except ServiceError as error:
            _log.warning("a version of an RFM table is not told yet", reason=error.reason)
            asyncio.get_running_loop().call_later(TELL_AGAIN_SECONDS, self._told.pop, tenant_id, None)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _key(tenant_id: UUID, version: str) -> str:
    return key_of("rfm", tenant_id, version)


def _facts(scores: Scores) -> dict[str, Any]:
    times = {"newest": scores.newest, "until": scores.until}
    told = {name: moment.isoformat() if moment else None for name, moment in times.items()}
    return {"version": scores.version, "segments": scores.segments, **told}


def _read_facts(facts: dict[str, Any]) -> Scores:
    newest, until = (datetime.fromisoformat(facts[name]) if facts[name] else None for name in ("newest", "until"))
    return Scores(facts["version"], newest, until, facts["segments"])
