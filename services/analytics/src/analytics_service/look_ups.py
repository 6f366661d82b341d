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

    Making them costs more than one query that does without, so they are made for who asks for the same a second time.
    """

    def __init__(self, engine: QueryEngine, kept: KeptFiles) -> None:
        self._engine, self._kept = engine, kept
        self._flights: SingleFlight[KeptFile] = SingleFlight()
        self._asked_for: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def open(
        self, owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table], bound: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Source] | None]:
        """The look-ups by their tables' names, held meanwhile; `bound` are the parameters that their texts may ask for.

        None where they are not there and nobody has asked for them before. Errors: QUERY_TIMEOUT, QUERY_TOO_LARGE,
        CACHE_UNAVAILABLE.
        """
        keys, found = _keys(owner, look_ups, tables), dict[str, Source]()
        if not self._pays(keys):
            yield None
            return
        with self._kept.held(keys):
            for key, look_up in zip(keys, look_ups, strict=True):
                make = partial(self._make, owner, look_up, tables, dict(found), bound, key)
                found[look_up.table] = Source([(await self._flights.run(key, make)).path])
            yield found

    def _pays(self, keys: Sequence[str]) -> bool:
        if all(self._kept.find(key) for key in keys):
            return True
        before = keys[-1] in self._asked_for
        self._asked_for[keys[-1]] = None
        self._asked_for.move_to_end(keys[-1])
        if len(self._asked_for) > _MOST_REMEMBERED:
            self._asked_for.popitem(last=False)
        return before

    def discard(self, owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table]) -> None:
        """Throws them away, so that they are made again."""
        self._kept.discard(_keys(owner, look_ups, tables))

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


def _keys(owner: str, look_ups: Sequence[LookUp], tables: Mapping[str, Table]) -> list[str]:
    """By the text of each with those before it, which it may read, and by the versions of its tables."""
    texts: list[str] = []
    keys = []
    for look_up in look_ups:
        texts.append(sql_text(look_up.name))
        keys.append(key_of(owner, *texts, *(tables[dataset.table].version for dataset in look_up.datasets)))
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
