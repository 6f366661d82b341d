"""Forecasts that add one predicted daily change after another; the features are the same in training and serving."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml_service.forecast.series import Days, Floats

Features = NDArray[np.float32]
# Predicts the next daily change, in units of the window's mean absolute change, for each row of features.
Step = Callable[[Features], Floats]

WINDOW = 92
_SPANS = (1, 7, 28, 91)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FEATURES = (*(f"mean_change_{span}d" for span in _SPANS), *_WEEKDAYS, "year_sine", "year_cosine")


def scales(windows: Floats) -> Floats:
    """Mean absolute daily change of each window; 1 where nothing changed."""
    changes = np.abs(np.diff(windows, axis=1)).mean(axis=1)
    return np.where(changes > 0, changes, 1.0)


def features(windows: Floats, days: Days, scale: Floats) -> Features:
    """What is known of each window when its next day, given as an ordinal, is to be predicted."""
    last = windows[:, -1]
    columns = [(last - windows[:, -1 - span]) / (span * scale) for span in _SPANS]
    # Ordinal 1 is a Monday.
    weekdays = np.equal.outer((days - 1) % 7, np.arange(7)).astype(np.float64)
    season = 2.0 * np.pi * days / 365.25
    return np.column_stack([*columns, weekdays, np.sin(season), np.cos(season)]).astype(np.float32)


def recursive_paths(step: Step, bounds: tuple[float, float], windows: Floats, last_days: Days, horizon: int) -> Floats:
    """The days ahead of each window, one predicted change upon the other.

    Changes are kept within bounds, or a model that feeds on its own predictions could run away.
    """
    scale = scales(windows)
    values = np.concatenate([windows, np.empty((len(windows), horizon))], axis=1)
    length = windows.shape[1]
    for ahead in range(horizon):
        seen = values[:, ahead : ahead + length]
        change = np.clip(step(features(seen, last_days + ahead + 1, scale)).ravel(), *bounds)
        values[:, ahead + length] = seen[:, -1] + change * scale
    return values[:, length:]
