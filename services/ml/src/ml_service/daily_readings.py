"""From readings to a daily series in the tenant's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from ml_service.forecast.series import DailySeries
from ml_service.lake_reader import Readings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def daily_series(readings: Readings, timezone: str) -> DailySeries:
    """The last reading of each local day; days without one are left out."""
    zone = ZoneInfo(timezone)
    last_of_day: dict[int, int] = {}
    for time, followers in zip(readings.times.tolist(), readings.followers.tolist(), strict=True):
        last_of_day[(_EPOCH + timedelta(microseconds=time)).astimezone(zone).toordinal()] = followers
    days = np.array(sorted(last_of_day), dtype=np.int64)
    return DailySeries(days, np.array([last_of_day[day] for day in days.tolist()], dtype=np.float64))
