"""When an idle worker begins anew."""

from ml_service.renewal import Renewal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_that_has_not_trained_goes_on() -> None:
    clock = Clock()
    renewal = Renewal(60, clock)
    clock.now += 1000
    assert not renewal.is_due


def test_a_worker_that_trains_goes_on_however_long_it_takes() -> None:
    clock = Clock()
    renewal = Renewal(60, clock)
    with renewal.training():
        clock.now += 1000
        assert not renewal.is_due


def test_a_worker_that_was_idle_long_enough_begins_anew() -> None:
    clock = Clock()
    renewal = Renewal(60, clock)
    with renewal.training():
        pass
    clock.now += 59
    assert not renewal.is_due
    clock.now += 1
    assert renewal.is_due


def test_no_seconds_mean_never() -> None:
    clock = Clock()
    renewal = Renewal(0, clock)
    with renewal.training():
        pass
    clock.now += 1000
    assert not renewal.is_due
