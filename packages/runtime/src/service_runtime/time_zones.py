"""The time zones that callers may name."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> frozenset[str]:
    """Gives the names of IANA's time zones that this machine knows."""
    # Some systems list their own zone by this name, which is none of IANA's and none that DuckDB knows.
    return frozenset(available_timezones() - {"localtime"})
