"""A rolling-origin back-test: every candidate predicts the same days from the same past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

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
    """Errors of every candidate by origin and horizon; NaN where the day has no reading."""

    origins: Days
    scale: Floats
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
    """Days from which to predict: the last year's, or the later part of a short history's."""
    first, last = int(series.days[0]), series.last_day
    length = last - first + 1
    least = max(10, min(length // 2, length - SCORED[-1] - FEWEST_ORIGINS + 1))
    zone = min(length - least, _LONGEST_ZONE)
    step = -(-zone // _MOST_ORIGINS)
    if step % 7 == 0:
        step += 1  # Else every origin would fall on the same weekday.
    return np.arange(last - 1, last - 1 - zone, -step, dtype=np.int64)[::-1]


def run_backtest(series: DailySeries, candidates: Mapping[str, Fit], tick: Callable[[float], None]) -> Backtest:
    """Fits each candidate a few times along the past and lets it predict from all origins until the next fit."""
    origins = origins_of(series)
    targets = series.without_outliers()
    actual = np.array([[_reading(targets, day + ahead) for ahead in LADDER] for day in origins])
    pasts = [series.until(int(day)).filled() for day in origins]
    windows = np.stack([last_window(past) for past in pasts])
    scale = np.array([mean_change(past) for past in pasts])
    errors = {name: np.full(actual.shape, np.nan) for name in candidates}
    blocks = np.array_split(np.arange(len(origins)), min(_MOST_REFITS, len(origins)))
    for number, block in enumerate(blocks):
        for place, (name, fit) in enumerate(candidates.items()):
            fitted = fit(pasts[block[0]], int(origins[block[0]]))
            paths = fitted.predict(windows[block], origins[block], LADDER[-1])
            errors[name][block] = paths[:, np.array(LADDER) - 1] - actual[block]
            tick((number + (place + 1) / len(candidates)) / len(blocks))
    return Backtest(origins, scale, actual, errors)


def mean_change(filled: Floats) -> float:
    """Mean absolute daily change; at least one follower over the whole series, so that nothing is divided by 0."""
    return float(max(np.abs(np.diff(filled)).mean(), 1.0 / len(filled)))


def _reading(series: DailySeries, day: int) -> float:
    place = int(np.searchsorted(series.days, day))
    return float(series.values[place]) if place < len(series) and series.days[place] == day else float("nan")
