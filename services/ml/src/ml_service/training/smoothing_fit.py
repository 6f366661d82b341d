"""Parameters of drift, ETS and Theta, chosen by their errors 1, 7 and 28 days ahead within the training part.

One-step likelihood, the usual choice, says nothing about a staircase: on most days nothing changes, so it always
finds that the last value is best. Errors at several horizons, each against those of no change, do tell.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from ml_service.forecast.series import Floats
from ml_service.forecast.smoothing import (
    LinearForecast,
    drift,
    ets_states,
    exponential_smoothing,
    slope_weights,
    theta,
)

HORIZONS = (1, 7, 28)
_WARM_UP = 10
_FEWEST_ERRORS = 3
_LONGEST_FIT = 730
_DRIFT_SPANS = (7, 14, 28, 56, 91, 182, 364)
_ALPHAS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_BETAS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
_DAMPINGS = (0.9, 0.97, 0.99, 1.0)


def fit_drift(values: Floats, window: int) -> LinearForecast:
    """The drift over the span with the least error."""
    recent = values[-_LONGEST_FIT:]
    spans = [span for span in _DRIFT_SPANS if span < min(window, len(recent) - _WARM_UP)] or [min(7, window - 1)]

    def loss(span: int) -> float:
        level, slope = recent[span:], (recent[span:] - recent[:-span]) / span
        return float(_loss(recent[span:], level[:, None], lambda ahead: ahead * slope[:, None])[0])

    return drift(window, min(spans, key=loss))


def fit_ets(values: Floats, window: int) -> LinearForecast:
    """The additive-error ETS without, with or with a damped trend that has the least error."""
    recent = values[-_LONGEST_FIT:]
    grid = np.array([*((a, 0.0, 0.0) for a in _ALPHAS), *product(_ALPHAS, _BETAS, _DAMPINGS)])
    alpha, beta, damping = grid[grid[:, 1] <= grid[:, 0]].T
    level, trend = (states[0] for states in ets_states(recent[None, :], alpha, beta, damping))

    def growth(ahead: int) -> Floats:
        damped: Floats = (damping[:, None] ** np.arange(1, ahead + 1)).sum(axis=1)
        grown: Floats = trend * damped
        return grown

    best = int(np.argmin(_loss(recent, level, growth)))
    return exponential_smoothing(window, float(alpha[best]), float(beta[best]), float(damping[best]))


def fit_theta(values: Floats, window: int) -> LinearForecast:
    """The Theta method with the smoothing that has the least error, its line laid through the window."""
    recent = values[-_LONGEST_FIT:]
    alpha = np.array(_ALPHAS)
    level, _ = (states[0] for states in ets_states(recent[None, :], alpha, np.zeros_like(alpha), np.zeros_like(alpha)))
    slope = np.array([_slope(recent[max(0, day + 1 - window) : day + 1]) for day in range(len(recent))])[:, None]
    lag = (1.0 - (1.0 - alpha) ** window) / alpha
    best = int(np.argmin(_loss(recent, level, lambda ahead: 0.5 * slope * (ahead - 1 + lag))))
    return theta(window, float(alpha[best]))


def _slope(values: Floats) -> float:
    return float(slope_weights(len(values)) @ values)


def _loss(values: Floats, level: Floats, growth: Callable[[int], Floats]) -> Floats:
    """Mean over the horizons of the mean absolute error over that of no change, for each set of parameters."""
    losses = []
    for ahead in HORIZONS:
        count = len(values) - ahead
        start = slice(min(_WARM_UP, len(values) // 3), count)
        if count - start.start < _FEWEST_ERRORS:
            break
        target = values[ahead:][start, None]
        predicted = (level + growth(ahead))[start]
        unchanged = np.abs(target - values[:count][start, None]).mean()
        losses.append(np.abs(target - predicted).mean(axis=0) / max(unchanged, 1e-9))
    return np.mean(losses, axis=0) if losses else np.zeros(level.shape[1])
