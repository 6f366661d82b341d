"""Forecasts that are linear in the values of a window: naive, drift, seasonal naive, ETS and Theta.

Each is two matrices: `states` turns a window into a few states, `path` turns the states into the days ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml_service.forecast.series import Floats

LONGEST_PATH = 365
WEEK = 7
_STARTING_VALUES = 10


@dataclass(frozen=True)
class LinearForecast:
    """A forecast as two matrices: window (days) x states, states x days ahead."""

    states: Floats
    path: Floats
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def window(self) -> int:
        return len(self.states)

    def predict(self, windows: Floats) -> Floats:
        """Paths of all windows (one a row), for the days 1 to 365 ahead."""
        return windows @ self.states @ self.path


def naive(window: int) -> LinearForecast:
    """No change: the last value for ever."""
    states = np.zeros((window, 1))
    states[-1, 0] = 1.0
    return LinearForecast(states, np.ones((1, LONGEST_PATH)))


def drift(window: int, span: int) -> LinearForecast:
    """The last value and the mean daily change of the last `span` days."""
    states = np.zeros((window, 2))
    states[-1, 0] = 1.0
    states[-1, 1] += 1.0 / span
    states[-1 - span, 1] -= 1.0 / span
    return LinearForecast(states, np.vstack([np.ones(LONGEST_PATH), days_ahead()]), {"span": span})


def seasonal_naive(window: int) -> LinearForecast:
    """The last week again and again."""
    states = np.zeros((window, WEEK))
    states[window - WEEK :, :] = np.eye(WEEK)
    path = np.zeros((WEEK, LONGEST_PATH))
    path[np.arange(LONGEST_PATH) % WEEK, np.arange(LONGEST_PATH)] = 1.0
    return LinearForecast(states, path)


def exponential_smoothing(window: int, alpha: float, beta: float, damping: float) -> LinearForecast:
    """ETS with additive errors and a damped additive trend; without trend where beta and damping are 0."""
    level, trend = ets_states(np.eye(window), np.array([alpha]), np.array([beta]), np.array([damping]))
    states = np.column_stack([level[:, -1, 0], trend[:, -1, 0]])
    path = np.vstack([np.ones(LONGEST_PATH), np.cumsum(damping ** days_ahead())])
    return LinearForecast(states, path, {"alpha": alpha, "beta": beta, "damping": damping})


def theta(window: int, alpha: float) -> LinearForecast:
    """The Theta method: smoothing of the values, and half the slope of the line through the window."""
    level, _ = ets_states(np.eye(window), np.array([alpha]), np.zeros(1), np.zeros(1))
    states = np.column_stack([level[:, -1, 0], slope_weights(window)])
    lag = (1.0 - (1.0 - alpha) ** window) / alpha
    path = np.vstack([np.ones(LONGEST_PATH), 0.5 * (days_ahead() - 1.0 + lag)])
    return LinearForecast(states, path, {"alpha": alpha})


def mean_of(members: Mapping[str, LinearForecast]) -> LinearForecast:
    """The plain mean of named forecasts over one window."""
    return LinearForecast(
        np.hstack([member.states for member in members.values()]),
        np.vstack([member.path for member in members.values()]) / len(members),
        {f"{name}_{key}": value for name, member in members.items() for key, value in member.parameters.items()},
    )


def ets_states(values: Floats, alpha: Floats, beta: Floats, damping: Floats) -> tuple[Floats, Floats]:
    """Level and trend after each day, for every series (row) and every set of parameters (last axis).

    The first states are those of the straight line through the first ten values, or their mean without a trend.
    """
    series, days = values.shape
    level = np.empty((series, days, len(alpha)))
    trend = np.empty_like(level)
    now, slope = _starting_states(values, has_trend=damping > 0)
    for day in range(days):
        expected = now + damping * slope
        error = values[:, day, None] - expected
        now = expected + alpha * error
        slope = damping * slope + beta * error
        level[:, day], trend[:, day] = now, slope
    return level, trend


def _starting_states(values: Floats, has_trend: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    first = values[:, :_STARTING_VALUES]
    mean = first.mean(axis=1)
    slope = first @ slope_weights(first.shape[1])
    # The line's value on the day before the first one.
    intercept = mean - slope * (first.shape[1] + 1) / 2.0
    level: Floats = np.where(has_trend, intercept[:, None], mean[:, None])
    trend: Floats = np.where(has_trend, slope[:, None], 0.0)
    return level, trend


def slope_weights(length: int) -> Floats:
    """Weights whose product with as many values is the slope of the least-squares line through them."""
    centred = np.arange(length, dtype=np.float64) - (length - 1) / 2.0
    return centred / max(float(centred @ centred), 1.0)


def days_ahead() -> Floats:
    return np.arange(1.0, LONGEST_PATH + 1.0)
