"""Series of followers for tests: made ones, and the real ones of the shared data."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from ml_service.forecast.series import DailySeries


def growing(days: int, *, start: int = 10_000, daily: float = 25.0, noise: float = 10.0) -> list[int]:
    """Followers that grow by a steady number a day, with a little noise; always the same ones."""
    noises = np.random.default_rng(7).normal(0, noise, days)
    return [round(start + daily * day + noises[day]) for day in range(days)]


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(count)]


def series_of(values: list[int] | list[float], first: date = date(2024, 1, 1)) -> DailySeries:
    """A reading on each day in turn."""
    days = np.arange(first.toordinal(), first.toordinal() + len(values), dtype=np.int64)
    return DailySeries(days, np.array(values, dtype=np.float64))


def youtube_channels(shared_data: Path, *, least: int = 400) -> dict[str, DailySeries]:
    """Subscribers of each real channel with that many days, by its id."""
    readings: dict[str, dict[int, float]] = defaultdict(dict)
    file = shared_data / "followers_youtube_daily" / "youtube_daily.csv.gz"
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["channel_id"] and row["subscriber_count"]:
                day = date.fromisoformat(row["date_utc"]).toordinal()
                readings[row["channel_id"]][day] = float(row["subscriber_count"])
    return {
        channel: DailySeries(
            np.array(sorted(values), dtype=np.int64), np.array([values[day] for day in sorted(values)])
        )
        for channel, values in sorted(readings.items())
        if len(values) >= least
    }
