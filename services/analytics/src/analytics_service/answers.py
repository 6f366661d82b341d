"""Answers reports: from what is kept where nothing changed, else by one computation for all who ask."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

from google.protobuf.message import Message
from service_runtime.lake import StoredObject

from analytics_service.answer import SHORT_ENTRY, Answer, too_large
from analytics_service.answer_store import AnswerStore
from analytics_service.as_of import NewestTimes
from analytics_service.look_ups import LookUps, text_with
from analytics_service.metrics import ANSWERS_KEPT, ANSWERS_MISSED, observed
from analytics_service.query_engine import QueryEngine, QueryFailed, Row, Source, TooManyRows, query_of
from analytics_service.report_inputs import bound, check_columns, data_issues
from analytics_service.reports import Report, sql_text
from analytics_service.single_flight import SingleFlight
from analytics_service.tables import Table, Tables, version_of

R = TypeVar("R", bound=Message)


@dataclass(frozen=True)
class Asked:
    """What a tenant asks: a report in a shape, up to a time or to the newest one, with what its SQL is to be told."""

    tenant_id: UUID
    report: Report
    shape: Callable[[Answer], Message]
    as_of: datetime | None
    parameters: Mapping[str, int]

    def key(self, versions: Mapping[str, str], as_of: datetime | None) -> Hashable:
        of_tables = [versions[name] for name in sorted(versions)]
        return self.report.name, self.shape, as_of, *sorted(self.parameters.items()), *of_tables


class Answers:
    """Runs reports and keeps their shaped replies by tenant, report, parameters and data version."""

    def __init__(
        self,
        tables: Tables,
        engine: QueryEngine,
        times: NewestTimes,
        most_bytes: int,
        look_ups: LookUps | None = None,
        *,
        largest_reply: int,
    ) -> None:
        """Without `look_ups` the engine reads datasets only, and what is looked up is part of each query.

        A reply of more than `largest_reply` bytes is refused.
        """
        self._tables, self._engine, self._times, self._look_ups = tables, engine, times, look_ups
        self._largest_reply = largest_reply
        self._kept = AnswerStore(most_bytes)
        self._flights: SingleFlight[Message] = SingleFlight()

    async def answer(
        self,
        tenant_id: UUID,
        report: Report,
        shape: Callable[[Answer], R],
        as_of: datetime | None = None,
        **parameters: int,
    ) -> R:
        """The report's reply; `parameters` are those of its SQL, such as months.

        Errors: DATASET_NOT_FOUND, COLUMN_MISSING, REPLY_TOO_LARGE, LAKE_UNAVAILABLE, QUERY_TIMEOUT.
        """
        asked = Asked(tenant_id, report, shape, as_of, parameters)
        with observed(report.name) as outcome:
            listed = await self._tables.files(tenant_id, report.datasets)
            versions = {each.table: version_of(tenant_id, each, listed[each.name]) for each in report.datasets}
            reply = self._find(asked, versions)
            if reply is not None:
                ANSWERS_KEPT.inc()
                outcome.value = "kept"
                return cast(R, reply)
            ANSWERS_MISSED.inc()
            key = (tenant_id, asked.key(versions, as_of))
            return cast(R, await self._flights.run(key, partial(self._compute, asked, listed)))

    def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's replies."""
        self._kept.forget(tenant_id)

    def _find(self, asked: Asked, versions: Mapping[str, str]) -> Message | None:
        as_of = asked.as_of
        if asked.report.times and as_of is None:
            as_of = self._times.known(asked.report.times, versions)
            if as_of is None:
                return None
        return self._kept.find(asked.tenant_id, asked.key(versions, as_of))

    async def _compute(self, asked: Asked, listed: Mapping[str, list[StoredObject]]) -> Message:
        tables = await self._tables.open(asked.tenant_id, asked.report.datasets, listed)
        try:
            return await self._computed(asked, tables)
        except QueryFailed:
            # Somebody took a file out of the cache's folder or spoiled it: it is made again, once.
            self._tables.discard(asked.tenant_id, asked.report.datasets, listed)
            if self._look_ups:
                self._look_ups.discard(str(asked.tenant_id), asked.report.look_ups, tables)
            return await self._computed(asked, await self._tables.open(asked.tenant_id, asked.report.datasets))

    async def _computed(self, asked: Asked, tables: Mapping[str, Table]) -> Message:
        with self._tables.in_use(tables):
            check_columns(asked.report, tables)
            versions, as_of = {name: table.version for name, table in tables.items()}, asked.as_of
            if asked.report.times and as_of is None:
                as_of = await self._times.find(str(asked.tenant_id), asked.report.times, tables)
            # Without any time the clock is the end, and the answer another one in a second.
            is_lasting = as_of is not None or not asked.report.times
            if not is_lasting:
                as_of = self._times.now().replace(microsecond=0)
            try:
                rows = await self._rows(asked, tables, as_of)
            except TooManyRows as error:
                raise too_large(self._largest_reply, self._largest_reply) from error
        answer = Answer(rows, as_of, asked.parameters, data_issues(asked.report, tables), self._largest_reply)
        # Where a file has another state in every row it takes seconds, in which others are answered too.
        reply = await asyncio.to_thread(self._shaped, asked.shape, answer)
        if is_lasting:
            self._kept.keep(asked.tenant_id, asked.key(versions, as_of), reply)
        return reply

    def _shaped(self, shape: Callable[[Answer], Message], answer: Answer) -> Message:
        reply = shape(answer)
        if (size := reply.ByteSize()) > self._largest_reply:
            raise too_large(size, self._largest_reply)
        return reply

    async def _rows(self, asked: Asked, tables: Mapping[str, Table], as_of: datetime | None) -> list[Row]:
        report, owner = asked.report, str(asked.tenant_id)
        told = bound(report, tables, as_of, asked.parameters)
        async with AsyncExitStack() as stack:
            found, missing = dict[str, Source](), list(report.look_ups)
            if self._look_ups is not None:
                opened = self._look_ups.open(owner, report.look_ups, tables, told)
                found, missing = await stack.enter_async_context(opened)
            sql, sources = text_with(missing, sql_text(report.name)), {each: tables[each].source() for each in tables}
            most = self._largest_reply // SHORT_ENTRY
            return await self._engine.rows(query_of(owner, sql, sources | found, told, most_rows=most))
