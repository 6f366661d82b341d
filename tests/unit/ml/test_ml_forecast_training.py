"""Choosing, keeping and serving a forecast: what is served is what was back-tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ml_service.forecast.recursion import FEATURES, WINDOW
from ml_service.forecast.series import DailySeries, Floats, last_window
from ml_service.forecast.served import ServedForecast
from ml_service.model import card_bytes
from ml_service.training.backtest import LADDER, run_backtest
from ml_service.training.candidates import CANDIDATES, NAIVE
from ml_service.training.change_fit import fit_linear_regression, fit_random_forest, training_rows
from ml_service.training.forecast_training import choose, train_forecast
from service_runtime.errors import InvalidArgument
from support.followers import growing, series_of, youtube_channels


def quietly(_: float) -> None:
    """Progress that nobody watches."""


def weekly(days: int) -> Floats:
    rising = np.arange(days) * 12.0 + 200 * np.sin(np.arange(days) * 2 * np.pi / 7)
    return np.asarray(20_000 + rising + np.random.default_rng(1).normal(0, 20, days))


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_every_candidate_is_served_as_it_was_back_tested(name: str) -> None:
    series = series_of(weekly(150).tolist())
    backtest = run_backtest(series, {name: CANDIDATES[name]}, quietly)
    origin = int(backtest.origins[0])
    past = series.until(origin)
    candidate = CANDIDATES[name](past.filled(), origin)

    served = ServedForecast(candidate.graph(), candidate.description() | {"intervals": ONE_HORIZON})
    path = served.values(last_window(past.filled())[None, :], np.array([origin]), 365)[0]

    tested = backtest.actual[0] + backtest.errors[name][0]
    known = np.isfinite(tested)
    assert known.sum() >= 5
    np.testing.assert_allclose(path[np.array(LADDER) - 1][known], tested[known], rtol=1e-9)


ONE_HORIZON = [{"ahead": 1, "origins": [1, 2, 3], "errors": [1.0, 1.0, 1.0]}]


@pytest.mark.parametrize("fit", [fit_linear_regression, fit_random_forest])
def test_the_exported_regressor_predicts_what_scikit_learn_does(fit: Callable[..., object]) -> None:
    values = weekly(400)
    rows, _ = training_rows(values, 739_000)

    model = fit(values, 739_000)

    ours = model.step(rows).ravel()  # type: ignore[attr-defined]
    np.testing.assert_allclose(ours, model.regressor.predict(rows), atol=1e-5)  # type: ignore[attr-defined]
    assert rows.shape[1] == len(FEATURES)
    assert len(rows) > 400 - WINDOW


def test_a_steady_growth_is_not_left_to_no_change() -> None:
    model = train_forecast(series_of(growing(200)), quietly)

    assert model.card["algorithm"] != NAIVE
    assert model.card["mase"] < model.card["naive_mase"]
    assert {each["algorithm"] for each in model.card["candidates"]} == set(CANDIDATES)


@pytest.mark.slow
def test_a_random_walk_is_left_to_no_change_or_to_what_beats_it() -> None:
    for seed in range(3):
        steps = np.random.default_rng(seed).choice([-30.0, 30.0], 120)
        model = train_forecast(series_of((50_000 + np.cumsum(steps)).tolist()), quietly)

        chosen, unchanged = model.card["mase"], model.card["naive_mase"]
        assert chosen < unchanged or model.card["algorithm"] == NAIVE
        assert model.card["algorithm"] not in model.card["beaten_by_naive"]


def test_a_candidate_that_only_equals_no_change_is_not_chosen() -> None:
    series = series_of([700.0] * 40)
    backtest = run_backtest(series, {"drift": CANDIDATES["drift"], NAIVE: CANDIDATES[NAIVE]}, quietly)

    assert choose(backtest) == NAIVE


def test_predictions_are_whole_and_never_below_zero() -> None:
    series = series_of([float(3000 - 70 * day) for day in range(42)])
    model = train_forecast(series, quietly)

    path = ServedForecast(model.graph, model.card).path(series, 365, 0.8)

    assert min(path.lower) == min(path.predictions) == 0
    assert all(isinstance(value, int) for value in path.predictions)


def test_equal_readings_give_equal_models() -> None:
    series = series_of(weekly(90).tolist())

    first, second = train_forecast(series, quietly), train_forecast(series, quietly)

    assert first.graph == second.graph
    assert card_bytes(first.card) == card_bytes(second.card)


def test_twenty_one_days_are_enough_and_twenty_are_not() -> None:
    card = train_forecast(series_of(growing(21)), quietly).card
    assert [each["horizon"] for each in card["horizons"]] == [1, 7]
    assert all(each["n"] >= 3 for each in card["horizons"])

    with pytest.raises(InvalidArgument) as caught:
        train_forecast(series_of(growing(20)), quietly)
    assert caught.value.metadata == {"days": "20", "needed": "21"}


def test_readings_once_a_week_are_enough() -> None:
    days = np.arange(739_000, 739_000 + 7 * 30, 7)

    card = train_forecast(DailySeries(days, np.linspace(1000.0, 4000.0, 30)), quietly).card

    assert card["algorithm"] != NAIVE
    assert [each["horizon"] for each in card["horizons"]] == [1, 7, 28]


def test_gaps_and_a_zero_do_not_spoil_a_forecast() -> None:
    values = growing(300)
    values[250] = 0
    keep = np.ones(300, dtype=bool)
    keep[100:130] = keep[200:203] = False
    whole = series_of(values)
    series = DailySeries(whole.days[keep], whole.values[keep])

    model = train_forecast(series, quietly)

    path = ServedForecast(model.graph, model.card).path(series, 28, 0.8)
    assert model.card["data"]["outliers"] == 1
    assert abs(path.predictions[-1] - (10_000 + 25 * 327)) < 150


@pytest.mark.slow
def test_real_channels_are_predicted_better_than_by_no_change(shared_data: Path) -> None:
    channels = list(youtube_channels(shared_data).values())[:5]
    better = worse = 0
    for series in channels:
        past = series.until(int(series.days[-29]))
        model = train_forecast(past, quietly)
        ahead = series.days[-28:] - past.last_day
        path = ServedForecast(model.graph, model.card).path(past, int(ahead[-1]), 0.8)
        error = np.abs(np.array(path.predictions)[ahead - 1] - series.values[-28:]).mean()
        unchanged = np.abs(past.values[-1] - series.values[-28:]).mean()
        better, worse = better + int(error < unchanged), worse + int(error > unchanged)

    assert better > len(channels) / 2
    assert worse <= 1
