"""ETS and Theta are those of the textbooks: statsmodels forecasts the same from the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
from ml_service.forecast.smoothing import drift, exponential_smoothing, mean_of, naive, seasonal_naive, theta
from statsmodels.tsa.forecasting.theta import ThetaModel, ThetaModelResults
from statsmodels.tsa.holtwinters import Holt, SimpleExpSmoothing
from support.followers import growing

VALUES = np.array(growing(120, noise=80.0), dtype=np.float64)


@pytest.mark.parametrize(("alpha", "beta", "damping"), [(0.3, 0.05, 0.97), (0.8, 0.2, 1.0), (1.0, 0.02, 0.9)])
def test_ets_with_a_trend_is_holts_method(alpha: float, beta: float, damping: float) -> None:
    slope, intercept = np.polyfit(np.arange(1, 11), VALUES[:10], 1)
    theirs = Holt(
        VALUES,
        damped_trend=damping < 1,
        initialization_method="known",
        initial_level=intercept,
        initial_trend=slope,
    ).fit(
        smoothing_level=alpha,
        smoothing_trend=beta / alpha,
        damping_trend=damping if damping < 1 else None,
        optimized=False,
    )

    ours = exponential_smoothing(len(VALUES), alpha, beta, damping).predict(VALUES[None, :])[0]

    np.testing.assert_allclose(ours, theirs.forecast(365), rtol=1e-9)


def test_ets_without_a_trend_is_simple_smoothing() -> None:
    theirs = SimpleExpSmoothing(VALUES, initialization_method="known", initial_level=VALUES[:10].mean()).fit(
        smoothing_level=0.3, optimized=False
    )

    ours = exponential_smoothing(len(VALUES), 0.3, 0.0, 0.0).predict(VALUES[None, :])[0]

    np.testing.assert_allclose(ours, theirs.forecast(365), rtol=1e-12)


def test_theta_is_the_theta_method() -> None:
    smoothed = SimpleExpSmoothing(VALUES, initialization_method="known", initial_level=VALUES[:10].mean()).fit(
        smoothing_level=0.3, optimized=False
    )
    slope = np.polyfit(np.arange(len(VALUES)), VALUES, 1)[0]
    model = ThetaModel(VALUES, period=7, deseasonalize=False)
    theirs = ThetaModelResults(slope, 0.3, None, smoothed.forecast(1)[0], np.empty(0), False, model)

    ours = theta(len(VALUES), 0.3).predict(VALUES[None, :])[0]

    np.testing.assert_allclose(ours, theirs.forecast(365), rtol=1e-9)


def test_the_simple_methods_do_what_their_names_say() -> None:
    window = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 100]])

    assert naive(10).predict(window)[0, [0, 364]].tolist() == [100, 100]
    assert drift(10, 9).predict(window)[0, :2].tolist() == [111, 122]
    assert seasonal_naive(10).predict(window)[0, :8].tolist() == [4, 5, 6, 7, 8, 9, 100, 4]


def test_a_mean_is_the_mean_of_its_members() -> None:
    members = {"naive": naive(120), "theta": theta(120, 0.4)}

    together = mean_of(members).predict(VALUES[None, :])

    each = [member.predict(VALUES[None, :]) for member in members.values()]
    np.testing.assert_allclose(together, sum(each) / 2, rtol=1e-12)
