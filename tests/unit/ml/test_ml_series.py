"""From readings to a series fit for a forecast."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from ml_service.daily_readings import daily_series
from ml_service.forecast.series import DailySeries, last_window
from ml_service.lake_reader import Readings
from support.followers import series_of


def test_gaps_are_bridged_not_filled_with_zeros() -> None:
    series = DailySeries(np.array([10, 14]), np.array([100.0, 140.0]))

    assert series.filled().tolist() == [100, 110, 120, 130, 140]


def test_a_single_zero_is_no_reading() -> None:
    series = series_of([5000, 5010, 5020, 0, 5040, 5050])

    assert series.filled().tolist() == [5000, 5010, 5020, 5030, 5040, 5050]


def test_a_zero_on_the_newest_day_gives_way_to_the_day_before() -> None:
    series = series_of([5000, 5010, 5020, 5030, 0])

    assert series.filled().tolist() == [5000, 5010, 5020, 5030, 5030]


def test_a_lasting_change_of_level_is_believed() -> None:
    for values in ([100, 101, 102, 9000, 9001, 9002, 9003], [9000, 9001, 9002, 100, 101, 102, 103]):
        assert series_of(values).filled().tolist() == values


def test_the_steps_of_a_staircase_are_no_outliers() -> None:
    values = [98_900] * 20 + [99_000] * 30 + [100_000] * 40 + [101_000]

    assert len(series_of(values).without_outliers()) == len(values)


def test_a_small_account_may_double_overnight() -> None:
    assert series_of([3, 3, 9, 20, 40]).filled().tolist() == [3, 3, 9, 20, 40]


def test_a_short_series_is_led_into_its_window_by_its_first_value() -> None:
    assert last_window(np.array([4.0, 5.0]), 5).tolist() == [4, 4, 4, 4, 5]


def test_days_are_those_of_the_tenants_time_zone() -> None:
    times = [datetime(2024, 5, 1, 4, 59, tzinfo=UTC), datetime(2024, 5, 1, 5, 1, tzinfo=UTC)]
    readings = Readings(np.array([int(time.timestamp() * 1e6) for time in times]), np.array([7, 8]))

    lima, madrid = (daily_series(readings, zone) for zone in ("America/Lima", "Europe/Madrid"))

    first = datetime(2024, 4, 30, tzinfo=UTC).toordinal()
    assert (lima.days.tolist(), lima.values.tolist()) == ([first, first + 1], [7, 8])
    assert (madrid.days.tolist(), madrid.values.tolist()) == ([first + 1], [8])
