"""A daily series with gaps, made fit for a forecast without inventing readings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

# No forecast looks back further.
LONGEST_WINDOW = 365
_NEIGHBOURS = 3
_FACTOR = 2.0
_FEWEST_FOLLOWERS = 50.0


@dataclass(frozen=True)
class DailySeries:
    """Readings by day; days are proleptic ordinals, rising, and days without a reading are not there."""

    days: Days
    values: Floats

    def __len__(self) -> int:
        return len(self.days)

    @property
    def last_day(self) -> int:
        return int(self.days[-1])

    def until(self, day: int) -> DailySeries:
        """The readings up to and including that day."""
        count = int(np.searchsorted(self.days, day, side="right"))
        return DailySeries(self.days[:count], self.values[:count])

    def without_outliers(self) -> DailySeries:
        """The readings less those that stand alone, such as a single 0 among thousands."""
        keep = ~_stand_alone(self.values)
        return DailySeries(self.days[keep], self.values[keep])

    def filled(self) -> Floats:
        """A value for each day from the first to the last reading; gaps are bridged by straight lines.

        An outlier on the last day gives way to the value before it, so the series still ends on that day.
        """
        kept = self.without_outliers()
        grid = np.arange(self.days[0], self.days[-1] + 1)
        return np.interp(grid, kept.days, kept.values)


def last_window(filled: Floats, length: int = LONGEST_WINDOW) -> Floats:
    """The last days of a filled series; a shorter one is led in by its first value."""
    recent = filled[-length:]
    return np.concatenate([np.full(length - len(recent), recent[0]), recent])


def _stand_alone(values: Floats) -> NDArray[np.bool_]:
    # A change of level is near the readings of one side; only what is far from both sides stands alone.
    if len(values) < 2:
        return np.zeros(len(values), dtype=bool)
    edge = np.full(_NEIGHBOURS, np.nan)
    around = np.lib.stride_tricks.sliding_window_view(np.concatenate([edge, values, edge]), 2 * _NEIGHBOURS + 1)
    before, after = _median(around[:, :_NEIGHBOURS]), _median(around[:, _NEIGHBOURS + 1 :])
    before[0], after[-1] = after[0], before[-1]
    return _is_far(values, before) & _is_far(values, after)


def _median(rows: Floats) -> Floats:
    # NaN sorts last, so the middle of what is there is found by counting; the lower middle of an even count.
    count = np.isfinite(rows).sum(axis=1)
    return np.asarray(np.sort(rows, axis=1)[np.arange(len(rows)), np.maximum(count - 1, 0) // 2])


def _is_far(values: Floats, reference: Floats) -> NDArray[np.bool_]:
    apart = np.abs(values - reference) > _FEWEST_FOLLOWERS
    return apart & ((values > _FACTOR * reference) | (values < reference / _FACTOR))
