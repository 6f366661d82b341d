"""The candidates of a forecast, each fitted, tried and exported in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ml_service.forecast.recursion import FEATURES, WINDOW, recursive_paths
from ml_service.forecast.series import LONGEST_WINDOW, Days, Floats
from ml_service.forecast.smoothing import LinearForecast, mean_of, naive, seasonal_naive
from ml_service.training.change_fit import ChangeModel, fit_linear_regression, fit_random_forest
from ml_service.training.export import linear_graph
from ml_service.training.smoothing_fit import fit_drift, fit_ets, fit_theta

NAIVE = "naive"


class Candidate(Protocol):
    """A fitted forecast."""

    def predict(self, windows: Floats, last_days: Days, days: int) -> Floats:
        """So many days ahead of windows (one a row) that end on the given days."""

    def graph(self) -> bytes:
        """The ONNX graph that serves it."""

    def description(self) -> dict[str, Any]:
        """What serving must know besides the graph, and what a reader wants to."""


# Fits to the filled series that ends on the given day.
Fit = Callable[[Floats, int], Candidate]


@dataclass(frozen=True)
class LinearCandidate:
    """A forecast that is linear in its window."""

    forecast: LinearForecast

    def predict(self, windows: Floats, last_days: Days, days: int) -> Floats:
        return self.forecast.predict(windows[:, -self.forecast.window :])[:, :days]

    def graph(self) -> bytes:
        return linear_graph(self.forecast)

    def description(self) -> dict[str, Any]:
        return {
            "graph": "linear",
            "window": self.forecast.window,
            "parameters": dict(self.forecast.parameters),
            "features": ["followers"],
        }


@dataclass(frozen=True)
class RecursiveCandidate:
    """A forecast of one daily change after the other."""

    model: ChangeModel

    def predict(self, windows: Floats, last_days: Days, days: int) -> Floats:
        return recursive_paths(self.model.step, self.model.bounds, windows[:, -WINDOW:], last_days, days)

    def graph(self) -> bytes:
        return self.model.graph

    def description(self) -> dict[str, Any]:
        return {
            "graph": "recursive",
            "window": WINDOW,
            "bounds": list(self.model.bounds),
            "parameters": {},
            "features": list(FEATURES),
        }


def _linear(fit: Callable[[Floats, int], LinearForecast]) -> Fit:
    return lambda values, _: LinearCandidate(fit(values, min(LONGEST_WINDOW, len(values))))


def _recursive(fit: Callable[[Floats, int], ChangeModel]) -> Fit:
    return lambda values, last_day: RecursiveCandidate(fit(values, last_day))


def _fit_mean(values: Floats, window: int) -> LinearForecast:
    members = {"drift": fit_drift, "ets": fit_ets, "theta": fit_theta}
    return mean_of({name: fit(values, window) for name, fit in members.items()})


CANDIDATES: Mapping[str, Fit] = {
    NAIVE: _linear(lambda _, window: naive(window)),
    "drift": _linear(fit_drift),
    "seasonal_naive": _linear(lambda _, window: seasonal_naive(window)),
    "linear_regression": _recursive(fit_linear_regression),
    "random_forest": _recursive(fit_random_forest),
    "ets": _linear(fit_ets),
    "theta": _linear(fit_theta),
    "mean": _linear(_fit_mean),
}
