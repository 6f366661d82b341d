"""What holds of an erasure whatever its sweeps find, and however often services are away."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from auth_service.erasures import Erased, Erasure, Sweep
from hypothesis import given
from hypothesis import strategies as some

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CALLS_END = BEGIN + timedelta(minutes=70)

sweeps = some.builds(
    Sweep,
    some.builds(Erased, some.integers(0, 3), some.integers(0, 3)),
    some.sampled_from([(), (), ("ml",), ("ingest", "auth")]),
)


@given(some.lists(some.tuples(sweeps, some.booleans())))
def test_it_ends_only_when_nothing_was_found_and_nothing_can_come(steps: list[tuple[Sweep, bool]]) -> None:
    stands, now = Erasure(uuid4(), uuid4(), BEGIN, CALLS_END, due_at=BEGIN), BEGIN
    for sweep, is_told in steps:
        before, now = stands, max(now, stands.due_at)
        stands = before.after(sweep, now, is_told=is_told)
        was_clean = not sweep.away and not sweep.erased
        assert stands.erased_rows - before.erased_rows == sweep.erased.rows
        assert stands.erased_objects - before.erased_objects == sweep.erased.objects
        if stands.finished_at != before.finished_at:
            assert before.finished_at is None
            assert was_clean
            assert is_told or now >= CALLS_END
        if stands.leaving is None:
            assert was_clean
            assert now >= CALLS_END
            assert stands.finished_at is not None
            return
        assert now < stands.due_at <= now + max(timedelta(minutes=5), CALLS_END - now)


@given(some.lists(sweeps), some.booleans())
def test_it_does_end_when_services_are_back(steps: list[Sweep], is_told: bool) -> None:
    stands, now = Erasure(uuid4(), uuid4(), BEGIN, CALLS_END, due_at=BEGIN), BEGIN
    for sweep in [*steps, *[Sweep(Erased())] * 200]:
        now = max(now, stands.due_at)
        stands = stands.after(sweep, now, is_told=is_told)
        if stands.leaving is None:
            return
    raise AssertionError(stands)
