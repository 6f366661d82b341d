"""Linear regression and random forest on the daily changes: fitted by scikit-learn, run as ONNX from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_service.forecast.recursion import FEATURES, WINDOW, Features, Step, features, scales
from ml_service.forecast.series import Floats
from ml_service.onnx_session import Graph
from ml_service.training.export import change_graph

_LONGEST_FIT = 730
_SEED = 20240101
# Predicted changes stay within these quantiles of the weekly means seen.
_BOUNDS = (0.05, 0.95)


@dataclass(frozen=True)
class ChangeModel:
    """A fitted regressor of the next daily change. The back-test runs the very graph that serving would."""

    regressor: Any
    graph: bytes
    step: Step
    bounds: tuple[float, float]


def fit_linear_regression(values: Floats, last_day: int) -> ChangeModel:
    """Ridge: the features of short histories are nearly collinear, and plain least squares would run away."""
    from sklearn.linear_model import Ridge

    return _fit(lambda: Ridge(alpha=10.0), values, last_day)


def fit_random_forest(values: Floats, last_day: int) -> ChangeModel:
    """A small forest: what a daily series of a few years can tell fits in few leaves."""
    from sklearn.ensemble import RandomForestRegressor

    return _fit(
        lambda: RandomForestRegressor(
            n_estimators=40, max_depth=6, min_samples_leaf=15, max_features=0.5, random_state=_SEED, n_jobs=1
        ),
        values,
        last_day,
    )


def _fit(make: Callable[[], Any], values: Floats, last_day: int) -> ChangeModel:
    rows, targets = training_rows(values[-_LONGEST_FIT - WINDOW :], last_day)
    weekly = np.quantile(rows[:, FEATURES.index("mean_change_7d")], _BOUNDS)
    regressor = make().fit(rows, targets)
    graph = change_graph(regressor, len(FEATURES))
    return ChangeModel(regressor, graph, Graph(graph).run, (float(weekly[0]), float(weekly[1])))


def training_rows(values: Floats, last_day: int) -> tuple[Features, Floats]:
    """Features of every day but the last and the change of the day after it, both in the day's own scale."""
    led_in = np.concatenate([np.full(WINDOW - 1, values[0]), values])
    windows = np.lib.stride_tricks.sliding_window_view(led_in, WINDOW)[:-1]
    days = np.arange(last_day - len(values) + 2, last_day + 1)
    scale = scales(windows)
    # The first days know only their led-in selves.
    known = slice(min(7, len(windows) - 1), None)
    return features(windows, days, scale)[known], (np.diff(values) / scale)[known]
