"""Look-ups of reports: what they need of several tables, made once for these versions of the tables and kept."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.query_engine import QueryEngine, Source, query_of
from analytics_service.reports import LookUp, sql_text
from analytics_service.single_flight import SingleFlight
from analytics_service.tables import Table

# One that takes longer than callers wait is there when they come again.
_PATIENCE_SECONDS = 600.0
_MOST_REMEMBERED = 1024


class LookUps:
    """Opens look-ups; what changed is another version, so only look-ups on it are made again.

    Making one costs more than a query that does without, so it is made for who asks for the same a second time.
    """

    def __init__(self, engine: QueryEngine, kept: KeptFiles) -> None:
        self._engine, self._kept = engine, kept
        self._flights: SingleFlight[KeptFile] = SingleFlight()
        self._asked_for: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def open(
        self, owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table], bound: Mapping[str, Any]
    ) -> AsyncIterator[tuple[dict[str, Source], list[LookUp]]]:
        """Those that are there by their tables' names, held meanwhile, and those that are not: nobody has asked for
        them before. `bound` are the parameters that their texts may ask for.

        Errors: QUERY_TIMEOUT, QUERY_TOO_LARGE, CACHE_UNAVAILABLE.
        """
        keys, found, missing = _keys(owner, look_ups, tables), dict[LookUp, Source](), list[LookUp]()
        with self._kept.held(keys.values()):
            for look_up, key in keys.items():
                if self._pays(key) and not any(look_up.may_read(other) for other in missing):
                    before = {other.table: source for other, source in found.items() if look_up.may_read(other)}
                    make = partial(self._make, owner, look_up, tables, before, bound, key)
                    found[look_up] = Source([(await self._flights.run(key, make)).path])
                else:
                    missing.append(look_up)
            yield {look_up.table: source for look_up, source in found.items()}, missing

    def _pays(self, key: str) -> bool:
        if self._kept.find(key) is not None:
            return True
        before = key in self._asked_for
        self._asked_for[key] = None
        self._asked_for.move_to_end(key)
        if len(self._asked_for) > _MOST_REMEMBERED:
            self._asked_for.popitem(last=False)
        return before

    def discard(self, owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table]) -> None:
        """Throws them away, so that they are made again."""
        self._kept.discard(_keys(owner, look_ups, tables).values())

    async def _make(
        self,
        owner: str,
        look_up: LookUp,
        tables: Mapping[str, Table],
        before: dict[str, Source],
        bound: Mapping[str, Any],
        key: str,
    ) -> KeptFile:
        found = self._kept.find(key)
        if found is not None:
            return found
        sql, below = sql_text(look_up.name), [tables[dataset.table] for dataset in look_up.datasets]
        sources = {table.dataset.table: table.source() for table in below} | before
        query = query_of(owner, sql, sources, bound, seconds=_PATIENCE_SECONDS)
        parts = [part for table in below for part in table.parts]
        with self._kept.held([key]), self._kept.in_use(parts):
            async with self._kept.room(sum(part.size for part in parts)):
                with self._kept.incoming(".parquet") as made:
                    await self._engine.write(query, made)
                    return self._kept.keep(key, owner, made, {})


def _keys(owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table]) -> dict[LookUp, str]:
    """By the text of each with those before it that it may read, and by the versions of its tables."""
    keys: dict[LookUp, str] = {}
    for look_up in look_ups:
        texts = [sql_text(other.name) for other in (*filter(look_up.may_read, keys), look_up)]
        keys[look_up] = key_of(owner, *texts, *(tables[dataset.table].version for dataset in look_up.datasets))
    return keys


def text_with(look_ups: Sequence[LookUp], sql: str) -> str:
    """A report's text with its look-ups as its first CTEs, for where they are not kept."""
    if not look_ups:
        return sql
    first = ",\n".join(f"{look_up.table} AS (\n{sql_text(look_up.name)})" for look_up in look_ups)
    before, found, after = sql.partition("\nWITH ")
    if not found:
        raise ValueError("the text of a report with look-ups begins with comments and WITH")
    return f"{before}\nWITH {first},\n{after}"
