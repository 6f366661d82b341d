"""A rolling-origin back-test: every candidate predicts the same days from the same past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ml_service.forecast.intervals import recent_change
from ml_service.forecast.series import DailySeries, Days, Floats, last_window
from ml_service.training.candidates import Fit

# Days ahead at which errors are kept for intervals; scores come from SCORED alone.
LADDER = (1, 2, 4, 7, 14, 28, 56, 91)
SCORED = (1, 7, 28)
FEWEST_ORIGINS = 3
_MOST_ORIGINS = 60
_LONGEST_ZONE = 364
_MOST_REFITS = 5


@dataclass(frozen=True)
class Backtest:
    """Errors of every candidate by origin and horizon; NaN where there is nothing to compare with."""

    origins: Days
    # Mean absolute daily change of the whole history.
    scale: float
    # Recent change at each origin.
    changes: Floats
    actual: Floats
    errors: Mapping[str, Floats]

    def scored(self) -> list[int]:
        """The horizons with enough origins."""
        return [ahead for ahead in SCORED if self.count(ahead) >= FEWEST_ORIGINS]

    def count(self, ahead: int) -> int:
        return int(np.isfinite(self.actual[:, LADDER.index(ahead)]).sum())

    def mase(self, name: str, ahead: int) -> float:
        return float(np.nanmean(np.abs(self.errors[name][:, LADDER.index(ahead)]) / self.scale))

    def smape(self, name: str, ahead: int) -> float:
        """Per cent."""
        place = LADDER.index(ahead)
        errors, actual = self.errors[name][:, place], self.actual[:, place]
        size = (np.abs(actual) + np.abs(actual + errors)) / 2.0
        return float(100.0 * np.nanmean(np.abs(errors) / np.maximum(size, 1.0)))

    def score(self, name: str) -> float:
        return float(np.mean([self.mase(name, ahead) for ahead in self.scored()]))


def origins_of(series: DailySeries) -> Days:
    """Days from which to predict, each with a reading: the last year's, or the later part of a short history's."""
    count = len(series)
    least = max(10, min(count // 2, count - SCORED[-1] - FEWEST_ORIGINS + 1))
    zone = series.days[least - 1 : -1]
    zone = zone[zone > series.last_day - _LONGEST_ZONE]
    step = -(-len(zone) // _MOST_ORIGINS)
    if step % 7 == 0:
        step += 1  # Else every origin would fall on the same weekday.
    return np.asarray(zone[::-1][:: max(step, 1)][::-1])


def run_backtest(series: DailySeries, candidates: Mapping[str, Fit], tick: Callable[[float], None]) -> Backtest:
    """Fits each candidate a few times along the past and lets it predict from all origins until the next fit."""
    origins = origins_of(series)
    actual = _targets(series, origins)
    pasts = [series.until(int(day)).filled() for day in origins]
    windows = np.stack([last_window(past) for past in pasts])
    errors = {name: np.full(actual.shape, np.nan) for name in candidates}
    blocks = np.array_split(np.arange(len(origins)), min(_MOST_REFITS, len(origins)))
    for number, block in enumerate(blocks):
        for place, (name, fit) in enumerate(candidates.items()):
            fitted = fit(pasts[block[0]], int(origins[block[0]]))
            paths = fitted.predict(windows[block], origins[block], LADDER[-1])
            errors[name][block] = paths[:, np.array(LADDER) - 1] - actual[block]
            tick((number + (place + 1) / len(candidates)) / len(blocks))
    changes = np.array([recent_change(past) for past in pasts])
    return Backtest(origins, mean_change(series.filled()), changes, actual, errors)


def mean_change(filled: Floats) -> float:
    """Mean absolute daily change; at least one follower over the whole series, so that nothing is divided by 0."""
    return float(max(np.abs(np.diff(filled)).mean(), 1.0 / len(filled)))


def _targets(series: DailySeries, origins: Days) -> Floats:
    """What was to be predicted, by origin and horizon.

    Where readings are so rare that next to none follows another by a day, bridged gaps stand in for readings.
    """
    known = np.full(series.last_day - int(series.days[0]) + 1 + LADDER[-1], np.nan)
    readings = series.without_outliers()
    known[readings.days - series.days[0]] = readings.values
    places = origins[:, None] - series.days[0] + np.array(LADDER)
    if np.isfinite(known[places[:, 0]]).sum() < FEWEST_ORIGINS:
        filled = series.filled()
        known[: len(filled)] = filled
    return np.asarray(known[places])
