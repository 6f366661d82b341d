"""Months, growth, seasons and the forecast of policies, by figures worked out by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_policies_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.figures import figures


class Trends:
    """The report over policies of a test."""

    def __init__(self, analytics: RunningAnalytics) -> None:
        self._analytics = analytics

    def policies(self, *rows: str, header: str = "premium,start_date") -> None:
        self._analytics.put("postgresql/policies/policies.csv", "\n".join([header, *rows, ""]))

    def counts(self, counts: Mapping[str, int]) -> None:
        """So many policies in each month, for 10 each."""
        self.policies(*(f"10,{month}-15" for month, count in counts.items() for _ in range(count)))

    async def ask(self, **parameters: Any) -> dict[str, Any]:
        request = pb.GetPolicyTrendsRequest(**parameters)
        return figures(await self._analytics.policies.GetPolicyTrends(request, metadata=self._analytics.viewer))


@pytest.fixture
def trends(analytics: RunningAnalytics) -> Trends:
    return Trends(analytics)


def since(first: str, counts: Sequence[int]) -> dict[str, int]:
    """Counts of the months from the first on."""
    start = int(first[:4]) * 12 + int(first[5:]) - 1
    months = range(start, start + len(counts))
    return {f"{month // 12}-{month % 12 + 1:02}": count for month, count in zip(months, counts, strict=True)}


async def test_each_row_has_its_own_date_and_cancelled_is_what_it_is_now(trends: Trends) -> None:
    trends.policies(
        "10,2024-03-31T23:59:59.9,2024-01-01,2024-01-01,Cancelada",
        "20,2024-13-01,2024-03-01,2024-01-01,ANULADO",
        ",,,2024-03-31T19:00:00-05:00,canceled",
        "40,,,2024-04-30T23:59:59Z,active",
        "50,,,NULL,cancelled",
        "60,2099-01-01,,,cancelled",
        header="premium,start_date,issue_date,created_at,status",
    )
    got = await trends.ask(months=3)
    assert got["monthly"] == [
        {"month": "2024-02", "policies": 0, "total_premium": 0.0, "average_premium": None, "cancelled": 0},
        {"month": "2024-03", "policies": 2, "total_premium": 30.0, "average_premium": 15.0, "cancelled": 2},
        {"month": "2024-04", "policies": 2, "total_premium": 40.0, "average_premium": 40.0, "cancelled": 1},
    ]
    assert got["as_of"].isoformat() == "2024-04-30T23:59:59"
    assert [(issue["column"], issue["bad_values"]) for issue in got["data_issues"]] == [
        ("created_at", 1),
        ("start_date", 1),
    ]


async def test_what_begins_after_as_of_is_left_out_of_its_month(trends: Trends) -> None:
    trends.policies("1,2024-06-15T12:00:00", "2,2024-06-15T12:00:01", "4,2024-05-31")
    got = await trends.ask(months=2, as_of="2024-06-15T12:00:00Z")
    assert [(month["month"], month["total_premium"]) for month in got["monthly"]] == [
        ("2024-05", 4.0),
        ("2024-06", 1.0),
    ]
    assert {month["cancelled"] for month in got["monthly"]} == {None}


async def test_growth_compares_halves_of_whole_months_without_an_odd_oldest(trends: Trends) -> None:
    trends.policies(
        *("1000,2024-01-15",) * 9,
        *("100,2024-02-15", "150,2024-03-15", "50,2024-03-16"),
        *("70,2024-04-15", "80,2024-05-15"),
        *("999,2024-06-01",) * 5,
    )
    got = await trends.ask(months=6, as_of="2024-06-20T00:00:00Z")
    assert got["growth"] == {"policies_rate": -33.3, "premium_rate": -50.0}
    assert (await trends.ask(months=5, as_of="2024-06-20T00:00:00Z"))["growth"] == got["growth"]


@pytest.mark.parametrize(("months", "rate"), [(1, None), (2, None), (3, 50.0), (5, None)])
async def test_growth_needs_two_whole_months_and_an_older_half(trends: Trends, months: int, rate: float | None) -> None:
    trends.counts({"2024-04": 2, "2024-05": 3, "2024-06": 1})
    got = await trends.ask(months=months)
    assert got["growth"] == {"policies_rate": rate, "premium_rate": rate}


async def test_premiums_of_an_older_half_may_come_to_nothing(trends: Trends) -> None:
    trends.policies("0,2024-04-15", "20,2024-05-15", "5,2024-06-15")
    assert (await trends.ask(months=3))["growth"] == {"policies_rate": 0.0, "premium_rate": None}


@pytest.mark.parametrize(
    ("counts", "forecast"),
    [
        # y = 0.5 + 0.8 x at 6; the squares of the residuals sum to 1.8, so 1.96 * sqrt(1.8 / 2) is 1.8594.
        ([1, 3, 2, 4], {"policies": 5.3, "lower": 3.44, "upper": 7.16}),
        ([1, 2, 3, 4], {"policies": 6.0, "lower": 6.0, "upper": 6.0}),
        # At 6 the line is below 0.
        ([4, 3, 2, 1], {"policies": 0.0, "lower": 0.0, "upper": 0.0}),
        # y = 8 - 1.6 x is -1.6 at 6; the squares sum to 7.2, so the upper bound is -1.6 + 3.7188.
        ([7, 3, 5, 1], {"policies": 0.0, "lower": 0.0, "upper": 2.12}),
        ([3, 2, 4], None),
    ],
)
async def test_the_forecast_is_on_the_line_through_whole_months_since_the_first_policy(
    trends: Trends, counts: list[int], forecast: dict[str, float] | None
) -> None:
    trends.counts(since("2024-01", counts) | {f"2024-{len(counts) + 1:02}": 50})
    assert (await trends.ask())["forecast_next_month"] == forecast


async def test_empty_months_after_the_first_policy_are_on_the_line(trends: Trends) -> None:
    # The first policy is before the window of five, whose whole months have 0, 0, 0 and 4: y = -2 + 1.2 x is 5.2 at 6.
    trends.counts({"2020-01": 7, "2024-04": 4, "2024-05": 1})
    forecast = (await trends.ask(months=5))["forecast_next_month"]
    # Residuals 0.8, -0.4, -1.6 and 1.2: 1.96 * sqrt(4.8 / 2) is 3.0364.
    assert forecast == {"policies": 5.2, "lower": 2.16, "upper": 8.24}


@pytest.mark.parametrize("months", [1, 36])
async def test_seasons_are_of_24_whole_months_whatever_the_window(trends: Trends, months: int) -> None:
    # From September 2022 to August 2024 one in each month, in January three and one; September 2024 is not whole.
    counts = since("2022-09", [1] * 24) | {"2023-01": 3, "2024-09": 9}
    trends.counts(counts)
    seasonality = (await trends.ask(months=months))["seasonality"]
    assert seasonality == {f"{month:02}": 0.92 for month in range(2, 13)} | {"01": 1.85}


async def test_there_are_no_seasons_where_the_first_policy_is_younger(trends: Trends) -> None:
    trends.counts(since("2022-10", [1] * 24))
    assert (await trends.ask())["seasonality"] == {}


async def test_there_are_no_seasons_where_the_24_months_are_empty(trends: Trends) -> None:
    trends.counts({"2020-01": 3, "2024-09": 1})
    assert (await trends.ask())["seasonality"] == {}
