"""Intervals are conformal and say truly how often they hold."""

from __future__ import annotations

import numpy as np
from ml_service.forecast.intervals import HorizonErrors, Intervals


def errors_at(ahead: int, errors: list[float], every: int = 1) -> HorizonErrors:
    return HorizonErrors(ahead, [day * every for day in range(len(errors))], errors)


def test_the_half_width_is_the_conformal_rank() -> None:
    errors = errors_at(1, [float(error) for error in range(1, 10)])

    # 0.8 x (9 + 1) is the eighth.
    assert errors.half_width(0.8) == 8


def test_a_level_beyond_what_was_seen_is_wider_than_all_that_was_seen() -> None:
    assert errors_at(1, [1.0, 2.0, 3.0]).half_width(0.99) > 3


def test_new_errors_fall_within_as_often_as_the_level_says() -> None:
    generator = np.random.default_rng(3)
    held = [
        generator.exponential() <= errors_at(1, generator.exponential(size=30).tolist()).half_width(0.8)
        for _ in range(4000)
    ]

    assert abs(np.mean(held) - 0.8) < 0.03


def test_measured_coverage_does_not_let_an_error_vouch_for_itself() -> None:
    # One error in four is huge: an interval made without it cannot hold it.
    errors = errors_at(1, [1.0, 1.0, 1.0, 50.0], every=10)

    assert errors.coverage(0.5) == 0.75


def test_measured_coverage_leaves_out_what_shares_days() -> None:
    # Five predictions of one bad month: each would find its like among the others, were they not left out.
    errors = [1.0] * 20 + [9.0] * 5

    together, apart = errors_at(10, errors), errors_at(10, errors, every=10)

    assert together.coverage(0.85) == 0.8
    assert apart.coverage(0.85) == 1.0


def test_intervals_grow_with_the_days_and_never_shrink() -> None:
    intervals = Intervals([errors_at(1, [5.0] * 9), errors_at(7, [4.0] * 9), errors_at(28, [20.0] * 9)])

    widths = intervals.half_widths(0.8, 365, change=2.0)

    assert (np.diff(widths) >= 0).all()
    assert widths[27] == 40
    assert widths[364] > widths[27] * np.sqrt(365 / 28) * 0.99
    assert 10 < widths[14] < 40


def test_coverage_between_two_horizons_lies_between_theirs() -> None:
    near, far = errors_at(1, [1.0] * 8), errors_at(9, [1.0, 1.0, 1.0, 50.0], every=10)
    intervals = Intervals([near, far])

    assert intervals.coverage(0.5, 1) == 1
    assert intervals.coverage(0.5, 5) == 0.875
    assert intervals.coverage(0.5, 200) == 0.75
