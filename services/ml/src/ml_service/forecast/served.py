"""A forecast as it is served: an ONNX graph and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_service.forecast.intervals import HorizonErrors, Intervals, recent_change
from ml_service.forecast.recursion import recursive_paths
from ml_service.forecast.series import DailySeries, Days, Floats, last_window
from ml_service.onnx_session import Graph


@dataclass(frozen=True)
class Path:
    """Whole followers for each of some days ahead, with an interval and the coverage measured on the last."""

    predictions: list[int]
    lower: list[int]
    upper: list[int]
    coverage: float


class ServedForecast:
    """Predicts from a window of the newest days; holds no training code."""

    def __init__(self, graph: bytes, card: Mapping[str, Any]) -> None:
        self._graph = Graph(graph)
        self._is_linear = card["graph"] == "linear"
        self._window = int(card["window"])
        self._bounds = (0.0, 0.0) if self._is_linear else (float(card["bounds"][0]), float(card["bounds"][1]))
        self._intervals = Intervals([HorizonErrors(**each) for each in card["intervals"]])

    def values(self, windows: Floats, last_days: Days, days: int) -> Floats:
        """So many days ahead of windows (one a row), as the back-test computes them."""
        recent = np.ascontiguousarray(windows[:, -self._window :])
        if self._is_linear:
            return np.asarray(self._graph.run(recent)[:, :days])
        return recursive_paths(self._graph.run, self._bounds, recent, last_days, days)

    def path(self, series: DailySeries, days: int, level: float) -> Path:
        """So many days after the newest reading of a series."""
        filled = series.filled()
        values = self.values(last_window(filled)[None, :], np.array([series.last_day]), days)[0]
        half = self._intervals.half_widths(level, days, recent_change(filled))
        return Path(
            predictions=_whole(values),
            lower=_whole(values - half),
            upper=_whole(values + half),
            coverage=self._intervals.coverage(level, days),
        )


_MOST_FOLLOWERS = 2**31 - 1


def _whole(values: Floats) -> list[int]:
    return [int(value) for value in np.clip(np.rint(values), 0, _MOST_FOLLOWERS)]
