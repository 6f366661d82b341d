"""Conformal intervals from the errors of a back-test, and how often they would have held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_service.forecast.series import LONGEST_WINDOW, Floats

# Growth beyond the longest measured horizon, as a power of the days: between a random walk and a wrong slope.
_SLOWEST_GROWTH, _FASTEST_GROWTH = 0.5, 1.0
_FEWEST_OTHERS = 3


def recent_change(filled: Floats) -> float:
    """Mean absolute daily change of the last year, by which errors of calm and of busy times are made alike.

    At least one follower over the whole time, so that nothing is divided by 0.
    """
    recent = filled[-LONGEST_WINDOW:]
    return float(max(np.abs(np.diff(recent)).mean(), 1.0 / len(recent))) if len(recent) > 1 else 1.0


@dataclass(frozen=True)
class HorizonErrors:
    """Absolute errors so many days ahead, each over the recent change at its origin, with that day as an ordinal."""

    ahead: int
    origins: Sequence[int]
    errors: Sequence[float]

    def half_width(self, level: float) -> float:
        """Half the interval's width, in recent changes."""
        return _conformal(np.asarray(self.errors), level)

    def coverage(self, level: float) -> float:
        """Share of the errors that an interval made from the others would have held.

        What was predicted within so many days of an origin shares its days and is not among the others.
        """
        origins, errors = np.asarray(self.origins), np.asarray(self.errors)
        held = []
        for origin, error in zip(origins, errors, strict=True):
            others = errors[np.abs(origins - origin) >= self.ahead]
            if len(others) < _FEWEST_OTHERS:
                others = errors[origins != origin]
            held.append(error <= _conformal(others, level) * (1 + 1e-12))
        return float(np.mean(held))


class Intervals:
    """Half-widths and coverages for every day ahead, from the errors at a few horizons."""

    def __init__(self, horizons: Sequence[HorizonErrors]) -> None:
        self._horizons = horizons
        self._ahead = np.array([each.ahead for each in horizons], dtype=np.float64)

    def half_widths(self, level: float, days: int, change: float) -> Floats:
        """In followers, for 1..days ahead from where the recent change is that; never falling."""
        known = np.maximum.accumulate([each.half_width(level) for each in self._horizons])
        ahead = np.arange(1.0, days + 1.0)
        last = self._ahead[-1]
        within = np.interp(ahead, self._ahead, known)
        beyond = known[-1] * (np.maximum(ahead, last) / last) ** self._growth(known)
        return np.asarray(np.where(ahead <= last, within, beyond) * change)

    def coverage(self, level: float, ahead: int) -> float:
        """The measured one, between horizons by a straight line, beyond the longest that of the longest."""
        return float(np.interp(ahead, self._ahead, [each.coverage(level) for each in self._horizons]))

    def _growth(self, known: Floats) -> float:
        earlier = max(len(known) - 3, 0)
        if known[earlier] <= 0 or self._ahead[earlier] == self._ahead[-1]:
            return _FASTEST_GROWTH
        power = np.log(known[-1] / known[earlier]) / np.log(self._ahead[-1] / self._ahead[earlier])
        return float(np.clip(power, _SLOWEST_GROWTH, _FASTEST_GROWTH))


def _conformal(errors: Floats, level: float) -> float:
    """The smallest error with rank level x (n + 1); past the largest by the tail of an exponential."""
    count = len(errors)
    rank = int(np.ceil(level * (count + 1) - 1e-9))
    if rank <= count:
        return float(np.sort(errors)[rank - 1])
    return float(errors.max() * np.log(1.0 - level) / np.log(1.0 / (count + 1)))
