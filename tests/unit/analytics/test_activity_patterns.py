"""The window of activity and its anomalies, on figures worked out by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.figures import figures
from support.running import refusal

# A Monday, ten in the morning: the hour that the tests fill.
MONDAY = datetime(2024, 3, 4, 10)  # noqa: DTZ001
WEEK = timedelta(days=7)


def put_events(analytics: RunningAnalytics, counts: dict[datetime, int], service: str = "pagos") -> None:
    """So many transactions in each of the hours, the first at its very beginning."""
    rows = [
        f"{(hour + timedelta(seconds=number)).isoformat()},{service}"
        for hour, count in counts.items()
        for number in range(count)
    ]
    analytics.put("cassandra/transaction_audit/transaction_audit.csv", "\n".join(["timestamp,servicio", *rows]))


async def ask(analytics: RunningAnalytics, as_of: datetime, hours: int | None = None) -> dict[str, Any]:
    request = pb.GetActivityPatternsRequest(as_of=f"{as_of.isoformat()}Z", hours=hours)
    return figures(await analytics.activity.GetActivityPatterns(request, metadata=analytics.viewer))


def weeks(*counts: int) -> dict[datetime, int]:
    """So many transactions in the hour of each week, the last of them in the window."""
    return {MONDAY - place * WEEK: count for place, count in enumerate(reversed(counts))}


async def test_the_same_hour_of_four_weeks_without_change_counts_as_one_deviation(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(2, 2, 2, 2, 5))
    got = await ask(analytics, MONDAY + timedelta(hours=1, minutes=30), 24)
    assert got["anomalies"] == [{"hour_start": MONDAY, "events": 5, "expected": 2.0, "z_score": 3.0}]


async def test_three_weeks_give_no_verdict(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(2, 2, 2, 50))
    assert (await ask(analytics, MONDAY + timedelta(hours=1)))["anomalies"] == []


async def test_the_past_goes_back_to_the_first_hour_with_its_empty_ones(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(8, 0, 0, 0, 12))
    got = await ask(analytics, MONDAY + timedelta(hours=1))
    # Mean 2, sample standard deviation 4: (12 - 2) / 4 is not enough.
    assert got["anomalies"] == []
    put_events(analytics, weeks(8, 0, 0, 0, 14))
    got = await ask(analytics, MONDAY + timedelta(hours=1))
    assert got["anomalies"] == [{"hour_start": MONDAY, "events": 14, "expected": 2.0, "z_score": 3.0}]


async def test_an_hour_that_fell_silent_is_an_anomaly(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(4, 4, 4, 4, 0))
    got = await ask(analytics, MONDAY + timedelta(hours=1))
    assert got["anomalies"] == [{"hour_start": MONDAY, "events": 0, "expected": 4.0, "z_score": -4.0}]
    assert got["total_events"] == 0
    assert (got["peak_hour"], got["quiet_hour"]) == (None, None)


async def test_the_last_hour_is_not_looked_at(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(2, 2, 2, 2, 50))
    got = await ask(analytics, MONDAY + timedelta(minutes=59))
    assert (got["total_events"], got["anomalies"]) == (50, [])


async def test_weeks_within_the_window_are_no_past(analytics: RunningAnalytics) -> None:
    put_events(analytics, weeks(2, 2, 2, 2, 9, 9))
    got = await ask(analytics, MONDAY + timedelta(hours=1), 336)
    assert [(entry["hour_start"], entry["expected"]) for entry in got["anomalies"]] == [
        (MONDAY - WEEK, 2.0),
        (MONDAY, 2.0),
    ]
    got = await ask(analytics, MONDAY + timedelta(hours=1), 168)
    # Now nine, a week ago, is of the past: mean 3.4, deviation 3.13.
    assert got["anomalies"] == []


async def test_the_window_begins_with_a_clock_hour_and_ends_at_as_of(analytics: RunningAnalytics) -> None:
    as_of = MONDAY + timedelta(seconds=1)
    first = MONDAY - timedelta(hours=23)
    put_events(analytics, {MONDAY: 4, first: 1, first - timedelta(seconds=1): 1})
    got = await ask(analytics, as_of, 24)
    assert got["window"] == {"from": first, "to": as_of}
    assert got["total_events"] == 3
    assert {hour: count for hour, count in got["by_hour_of_day"].items() if count} == {"10": 2, "11": 1}
    assert got["by_weekday"] == {"1": 2, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0, "7": 1}
    assert got["by_servicio"] == {"pagos": 3}
    assert (got["hours"], got["peak_hour"], got["quiet_hour"]) == (24, 10, 0)


async def test_of_equal_hours_the_earliest_is_named(analytics: RunningAnalytics) -> None:
    put_events(analytics, {MONDAY + timedelta(hours=place): 1 + (place in (3, 5)) for place in range(-10, 14)}, "")
    got = await ask(analytics, MONDAY + timedelta(hours=20), 24)
    assert (got["peak_hour"], got["quiet_hour"]) == (13, 0)
    assert got["by_servicio"] == {"UNKNOWN": 19}


@pytest.mark.parametrize("hours", [23, 721, 0, -1])
async def test_hours_have_their_limits(analytics: RunningAnalytics, hours: int) -> None:
    put_events(analytics, weeks(1))
    error = await refusal(ask(analytics, MONDAY, hours))
    assert error.reason == "INVALID_REQUEST"


@pytest.mark.parametrize("as_of", [datetime(1, 1, 1, 5), datetime(9999, 12, 31, 23, 59, 59)])  # noqa: DTZ001
async def test_the_ends_of_time_are_times_too(analytics: RunningAnalytics, as_of: datetime) -> None:
    put_events(analytics, weeks(1) | {datetime(1, 1, 1, 4): 2})  # noqa: DTZ001
    got = await ask(analytics, as_of)
    assert got["total_events"] == (2 if as_of.year == 1 else 0)
    assert sum(got["by_weekday"].values()) == got["total_events"]
