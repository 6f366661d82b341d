"""The end of a report's window: what the caller asked for, else the newest time in the data that is not to come."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from service_runtime.errors import Unprocessable, Violation

from analytics_service.query_engine import Query, QueryEngine
from analytics_service.reports import Times
from analytics_service.tables import Table

_MOST_REMEMBERED = 1024
# Elsewhere coalesce wants more than one.
_NEWEST = """
SELECT
    {place} AS place,
    max(seen_at) FILTER (WHERE seen_at <= $now) AS newest,
    min(seen_at) FILTER (WHERE seen_at > $now) AS next
FROM (SELECT coalesce({columns}, NULL) AS seen_at FROM {table}) AS times
"""


def parse_as_of(text: str) -> datetime | None:
    """The time that the caller gave; None for none. The contract checks the shape, this the calendar."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        message = "must be an RFC 3339 time with zone"
        broken = Violation(("query", "as_of"), message, "string.moment")
        raise Unprocessable("INVALID_REQUEST", f"as_of {message}", violations=[broken]) from error


class NewestTimes:
    """Finds the newest time of tables that is not after the clock; times are UTC without zone."""

    def __init__(self, engine: QueryEngine, clock: Callable[[], datetime]) -> None:
        self._engine, self._clock = engine, clock
        # By what was asked of which version of a table.
        self._found: OrderedDict[tuple[Times, str], _Newest] = OrderedDict()

    def now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def known(self, times: Sequence[Times], versions: Mapping[str, str]) -> datetime | None:
        """What `find` would tell without asking the tables; None where it would have to."""
        found = [self._known(each, versions) for each in times]
        return None if None in found else _newest(found)

    async def find(self, owner: str, times: Sequence[Times], tables: Mapping[str, Table]) -> datetime | None:
        """The newest of all these times in the tables by name; None where they have none."""
        versions, unknown = {name: table.version for name, table in tables.items()}, []
        for each in times:
            if self._known(each, versions) is None:
                newest = _told(each, tables[each.dataset.table])
                if newest is not None and newest <= self.now():
                    self._remember(each, versions, _Newest(newest, None))
                else:
                    unknown.append(each)
        if unknown:
            sources = {each.dataset.table: tables[each.dataset.table].source() for each in unknown}
            # One query for all: elsewhere each waits in a queue.
            for row in await self._engine.rows(Query(owner, times_text(unknown), sources, {"now": self.now()})):
                self._remember(unknown[row["place"]], versions, _Newest(row["newest"], row["next"]))
        return _newest(self._found.get(_key(each, versions)) for each in times)

    def _known(self, times: Times, versions: Mapping[str, str]) -> "_Newest | None":
        key = _key(times, versions)
        found = self._found.get(key)
        if found is None or (found.next is not None and self.now() >= found.next):
            return None
        self._found.move_to_end(key)
        return found

    def _remember(self, times: Times, versions: Mapping[str, str], found: "_Newest") -> None:
        key = _key(times, versions)
        self._found[key] = found
        self._found.move_to_end(key)
        if len(self._found) > _MOST_REMEMBERED:
            self._found.popitem(last=False)


@dataclass(frozen=True)
class _Newest:
    """The newest time of a table, and the time at which the clock will have reached a newer one."""

    newest: datetime | None
    next: datetime | None


def _newest(found: Iterable[_Newest | None]) -> datetime | None:
    return max((each.newest for each in found if each and each.newest), default=None)


def _told(times: Times, table: Table) -> datetime | None:
    """The newest time as the tables' files tell it, whatever the clock says; None where they do not."""
    return table.newest(times.columns[0]) if len(times.columns) == 1 else None


def _key(times: Times, versions: Mapping[str, str]) -> tuple[Times, str]:
    return times, versions[times.dataset.table]


def times_text(asked: Sequence[Times]) -> str:
    """One query that finds the newest of each of these times that is not after the clock, and the next one to come."""
    return "UNION ALL".join(
        _NEWEST.format(place=place, columns=", ".join(f'"{name}"' for name in times.columns), table=times.dataset.table)
        for place, times in enumerate(asked)
    )
