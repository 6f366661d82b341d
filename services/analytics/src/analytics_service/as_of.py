"""The end of a report's window: what the caller asked for, else the newest time in the data that is not to come."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from service_runtime.errors import Unprocessable, Violation

from analytics_service.query_engine import Query, QueryEngine, Source
from analytics_service.reports import Times, sql_text

_MOST_REMEMBERED = 1024


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
        self._found: OrderedDict[tuple[str, str], _Newest] = OrderedDict()

    def now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def known(self, times: Sequence[Times], versions: Mapping[str, str]) -> datetime | None:
        """What `find` would tell without asking the tables; None where it would have to."""
        found = [self._known(each, versions) for each in times]
        return None if None in found else _newest(found)

    async def find(
        self, owner: str, times: Sequence[Times], versions: Mapping[str, str], sources: Mapping[str, Source]
    ) -> datetime | None:
        """The newest of all these times, by the tables' versions; None where the tables have none."""
        unknown = [each for each in times if self._known(each, versions) is None]
        if unknown:
            tables = {each.dataset.table: sources[each.dataset.table] for each in unknown}
            # One query for all: elsewhere each waits in a queue.
            for row in await self._engine.rows(Query(owner, times_text(unknown), tables, {"now": self.now()})):
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


def _key(times: Times, versions: Mapping[str, str]) -> tuple[str, str]:
    return times.name, versions[times.dataset.table]


def times_text(asked: Sequence[Times]) -> str:
    """One query that finds the newest of each of these times."""
    return "\nUNION ALL\n".join(
        f"SELECT {place} AS place, found.* FROM (\n{sql_text(times.name)}) AS found"  # noqa: S608
        for place, times in enumerate(asked)
    )
