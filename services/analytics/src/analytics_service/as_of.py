"""The end of a report's window: what the caller asked for, else the newest time in the data that is not to come."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from service_runtime.errors import Unprocessable, Violation

from analytics_service.query_engine import Query, QueryEngine, Source
from analytics_service.reports import sql_text

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
        # The newest time by tables' version, and the time at which the clock will have reached a newer one.
        self._known: OrderedDict[tuple[str, str], tuple[datetime | None, datetime | None]] = OrderedDict()

    def now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def known(self, name: str, version: str) -> datetime | None:
        """What `find` would tell without asking the tables; None where it would have to."""
        known = self._known.get((name, version))
        if known is None or (known[1] is not None and self.now() >= known[1]):
            return None
        self._known.move_to_end((name, version))
        return known[0]

    async def find(self, owner: str, name: str, version: str, sources: Mapping[str, Source]) -> datetime | None:
        """The newest time by the query `name`; None where the tables have none."""
        now = self.now()
        known = self.known(name, version)
        if known is not None:
            return known
        query = Query(owner, sql_text(name), sources, {"now": now})
        (row,) = await self._engine.rows(query)
        self._remember((name, version), row)
        newest: datetime | None = row["newest"]
        return newest

    def _remember(self, key: tuple[str, str], row: Mapping[str, Any]) -> None:
        self._known[key] = row["newest"], row["next"]
        self._known.move_to_end(key)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
