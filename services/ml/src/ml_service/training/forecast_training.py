"""One training of a follower forecast: back-test, choice, final fit, export, card."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from service_runtime.errors import InvalidArgument

from ml_service.forecast.intervals import HorizonErrors
from ml_service.forecast.series import DailySeries, last_window
from ml_service.forecast.served import ServedForecast
from ml_service.model import TrainedModel
from ml_service.training.backtest import FEWEST_ORIGINS, LADDER, Backtest, run_backtest
from ml_service.training.candidates import CANDIDATES, NAIVE, Candidate

FEWEST_DAYS = 21
_LEVEL = 0.8


def train_forecast(series: DailySeries, progress: Callable[[float], None]) -> TrainedModel:
    """Chooses by back-test, fits the choice to all days, and proves that its export predicts the same."""
    if len(series) < FEWEST_DAYS:
        raise InvalidArgument(
            "FORECAST_HISTORY_TOO_SHORT",
            f"A forecast needs at least {FEWEST_DAYS} days with a reading; this account has {len(series)}.",
            days=len(series),
            needed=FEWEST_DAYS,
        )
    backtest = run_backtest(series, CANDIDATES, lambda share: progress(0.9 * share))
    chosen = choose(backtest)
    candidate = CANDIDATES[chosen](series.filled(), series.last_day)
    graph = candidate.graph()
    card = candidate.description() | {
        "algorithm": chosen,
        "data": describe_data(series),
        "intervals": interval_errors(backtest, chosen),
        **scores(backtest, chosen),
    }
    _prove(candidate, ServedForecast(graph, card), series)
    progress(1.0)
    return TrainedModel(kind="forecast", graph=graph, card=card)


def choose(backtest: Backtest) -> str:
    """The least mean MASE; whatever does not beat no change gives way to it."""
    best = min(backtest.errors, key=backtest.score)
    return best if backtest.score(best) < backtest.score(NAIVE) else NAIVE


def describe_data(series: DailySeries) -> dict[str, Any]:
    """Which readings a version was trained on."""
    content = series.days.astype("<i8").tobytes() + series.values.astype("<f8").tobytes()
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "first_date": datetime.date.fromordinal(int(series.days[0])).isoformat(),
        "last_date": datetime.date.fromordinal(series.last_day).isoformat(),
        "rows": len(series),
        "outliers": len(series) - len(series.without_outliers()),
    }


def interval_errors(backtest: Backtest, name: str) -> list[dict[str, Any]]:
    """Errors of the choice, as intervals are made of, at each horizon with enough of them."""
    found = []
    for place, ahead in enumerate(LADDER):
        errors = backtest.errors[name][:, place] / backtest.changes
        known = np.isfinite(errors)
        if known.sum() >= FEWEST_ORIGINS:
            found.append(
                {
                    "ahead": ahead,
                    "origins": backtest.origins[known].tolist(),
                    "errors": [round(float(error), 6) for error in np.abs(errors[known])],
                }
            )
    return found


def scores(backtest: Backtest, chosen: str) -> dict[str, Any]:
    """The choice's figures and everyone's score."""
    ahead_one = LADDER.index(1)
    known = np.isfinite(backtest.actual[:, ahead_one])
    actual, errors = backtest.actual[known, ahead_one], backtest.errors[chosen][known, ahead_one]
    spread = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mase": backtest.score(chosen),
        "naive_mase": backtest.score(NAIVE),
        "r2": 1.0 - float((errors**2).sum()) / spread if spread > 0 else None,
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "origins": len(backtest.origins),
        "candidates": [{"algorithm": name, "mase": backtest.score(name)} for name in backtest.errors],
        "beaten_by_naive": [
            name for name in backtest.errors if name != NAIVE and backtest.score(name) >= backtest.score(NAIVE)
        ],
        "horizons": [_horizon(backtest, chosen, ahead) for ahead in backtest.scored()],
    }


def _horizon(backtest: Backtest, chosen: str, ahead: int) -> dict[str, Any]:
    errors = next(each for each in interval_errors(backtest, chosen) if each["ahead"] == ahead)
    return {
        "horizon": ahead,
        "n": backtest.count(ahead),
        "mase": backtest.mase(chosen, ahead),
        "smape": backtest.smape(chosen, ahead),
        "naive_mase": backtest.mase(NAIVE, ahead),
        "naive_smape": backtest.smape(NAIVE, ahead),
        "coverage": HorizonErrors(**errors).coverage(_LEVEL),
    }


def _prove(candidate: Candidate, served: ServedForecast, series: DailySeries) -> None:
    window, last = last_window(series.filled())[None, :], np.array([series.last_day])
    fitted, exported = candidate.predict(window, last, 365), served.values(window, last, 365)
    tolerance = 1e-4 * max(float(np.abs(fitted).max()), 1.0)
    if not np.allclose(fitted, exported, rtol=0, atol=tolerance):
        raise RuntimeError("the exported graph does not predict what the fitted model does")
