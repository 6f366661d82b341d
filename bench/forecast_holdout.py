"""Holds out the last 28 days of each real YouTube channel and compares the trained forecast with no change and drift.

Run it as `python bench/forecast_holdout.py [FOLDER]`; FOLDER holds the shared data, ../shared/data by default.
MASE is over the mean absolute change from one reading to the next in the training part; `inside` is the share of the
28 days within the 80 % interval.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ml_service.forecast.series import DailySeries, Floats
from ml_service.forecast.served import ServedForecast
from ml_service.training.forecast_training import train_forecast
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.followers import youtube_channels  # noqa: E402

HELD_OUT = 28


@dataclass(frozen=True)
class Result:
    """What one channel's held-out days say."""

    channel: str
    days: int
    algorithm: str
    mase: float
    smape: float
    naive_mase: float
    naive_smape: float
    drift_mase: float
    drift_smape: float
    inside: float
    seconds: float


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    with threadpool_limits(limits=1):
        results = [hold_out(name, series) for name, series in youtube_channels(data).items()]
    print("| channel | days | chosen | MASE | naive | drift | sMAPE % | naive | drift | inside | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for each in results:
        print(row(each))
    print(summary(results))


def hold_out(channel: str, series: DailySeries) -> Result:
    """Trains on all but the last days, serves from the exported model, measures on the days left out."""
    past = DailySeries(series.days[:-HELD_OUT], series.values[:-HELD_OUT])
    days, actual = series.days[-HELD_OUT:], series.values[-HELD_OUT:]
    began = time.perf_counter()
    model = train_forecast(past, lambda _: None)
    seconds = time.perf_counter() - began
    ahead = days - past.last_day
    path = ServedForecast(model.graph, model.card).path(past, int(ahead[-1]), 0.8)
    predicted, lower, upper = (np.array(each)[ahead - 1] for each in (path.predictions, path.lower, path.upper))
    unchanged = np.full(HELD_OUT, past.values[-1])
    drifting = past.values[-1] + ahead * (past.values[-1] - past.values[-1 - HELD_OUT]) / HELD_OUT
    scale = float(np.abs(np.diff(past.values)).mean())
    return Result(
        channel,
        len(past),
        str(model.card["algorithm"]),
        *errors(predicted, actual, scale),
        *errors(unchanged, actual, scale),
        *errors(drifting, actual, scale),
        inside=float(((lower <= actual) & (actual <= upper)).mean()),
        seconds=seconds,
    )


def errors(predicted: Floats, actual: Floats, scale: float) -> tuple[float, float]:
    """MASE, and sMAPE in per cent."""
    missed = np.abs(predicted - actual)
    return float(missed.mean() / scale), float(100 * (2 * missed / (predicted + actual)).mean())


def row(each: Result) -> str:
    return (
        f"| {each.channel} | {each.days} | {each.algorithm} | {each.mase:.2f} | {each.naive_mase:.2f} "
        f"| {each.drift_mase:.2f} | {each.smape:.3f} | {each.naive_smape:.3f} | {each.drift_smape:.3f} "
        f"| {each.inside:.2f} | {each.seconds:.1f} |"
    )


def summary(results: list[Result]) -> str:
    better = sum(each.mase < each.naive_mase for each in results)
    worse = sum(each.mase > each.naive_mase for each in results)
    means = {
        name: np.mean([getattr(each, name) for each in results])
        for name in ("mase", "naive_mase", "drift_mase", "smape", "naive_smape", "drift_smape", "inside", "seconds")
    }
    return (
        f"\n{len(results)} channels: better than no change on {better}, equal on {len(results) - better - worse}, "
        f"worse on {worse}.\n" + ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    )


if __name__ == "__main__":
    main()
