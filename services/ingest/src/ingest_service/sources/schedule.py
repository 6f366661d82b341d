"""When a source runs by itself: five fields as in cron, in a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from service_runtime.errors import InvalidArgument


def next_run(schedule: str, timezone: str, after: datetime) -> datetime | None:
    """Gives the next moment behind `after`; None without a schedule. Raises BAD_SCHEDULE where it cannot be read.

    An hour that the clocks skip is made up for right after it, one that comes twice counts once.
    """
    if not schedule.strip():
        return None
    if len(schedule.split()) != 5:
        raise _bad()
    try:
        found: datetime = next(CronSim(schedule.strip(), after.astimezone(ZoneInfo(timezone or "UTC"))))
    except (CronSimError, StopIteration):
        raise _bad() from None
    return found.astimezone(UTC)


def _bad() -> InvalidArgument:
    return InvalidArgument(
        "BAD_SCHEDULE", "A schedule has five fields as in cron: minute, hour, day, month and weekday, as in 0 3 * * *."
    )
