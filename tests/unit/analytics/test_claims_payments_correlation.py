"""How claims and payments go together, on figures worked out by hand."""

from typing import Any

from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.figures import figures
from support.running import refusal


def put_all(analytics: RunningAnalytics, claims: list[str], payments: list[str], policies: str = "") -> None:
    """Claims as `policy,monto,time`, payments as `customer,monto,time`; policy Px is customer x's."""
    policies = policies or "".join(f"P{number},{number}\n" for number in range(1, 6))
    analytics.put("postgresql/policies/policies.csv", f"policy_number,customer_id\n{policies}")
    analytics.put("cassandra/reclamos/reclamos.csv", "\n".join(["policy_number,monto,fecha_reclamo", *claims]))
    analytics.put("cassandra/pagos/pagos.csv", "\n".join(["customer_id,monto,fecha_pago", *payments]))


async def ask(analytics: RunningAnalytics, as_of: str = "2024-06-30T00:00:00Z") -> dict[str, Any]:
    request = pb.GetClaimsPaymentsCorrelationRequest(as_of=as_of)
    return figures(await analytics.activity.GetClaimsPaymentsCorrelation(request, metadata=analytics.viewer))


async def test_ties_share_the_mean_of_their_ranks(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,1,", "P2,2,", "P3,2,", "P4,3,"], ["1,10,", "2,20,", "3,30,", "4,400,"])
    got = await ask(analytics)
    # Ranks 1, 2.5, 2.5, 4 against 1 to 4: 4.5 / sqrt(4.5 * 5); amounts: 390 / sqrt(2 * 108500).
    assert (got["spearman"], got["pearson"]) == (0.9487, 0.8372)
    assert (got["customers_with_both"], got["payment_to_claim_ratio"]) == (4, 57.5)


async def test_totals_that_are_all_equal_have_no_correlation(analytics: RunningAnalytics) -> None:
    # In doubles 0.1 + 0.2 is not 0.3.
    put_all(analytics, ["P1,0.1,", "P1,0.2,", "P2,0.3,"], ["1,10,", "2,20,"])
    got = await ask(analytics)
    assert (got["pearson"], got["spearman"], got["monthly_correlation"]) == (None, None, None)
    assert got["payment_to_claim_ratio"] == 50.0


async def test_one_customer_has_no_correlation(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,4,", "P2,5,", "P3,,"], ["1,1,", "2,,", "3,7,", ",9,"])
    got = await ask(analytics)
    assert (got["customers_with_both"], got["pearson"], got["payment_to_claim_ratio"]) == (1, None, 0.25)


async def test_claims_that_add_up_to_nothing_give_no_ratio(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,0.1,", "P1,0.2,", "P1,-0.3,"], ["1,10,"])
    assert (await ask(analytics))["payment_to_claim_ratio"] is None


async def test_high_is_above_the_median(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,1,", "P2,2,", "P3,3,"], ["1,30,", "2,20,", "3,10,"])
    assert (await ask(analytics))["quadrants"] == {
        "high_claims_high_payments": 0,
        "high_claims_low_payments": 1,
        "low_claims_high_payments": 1,
        "low_claims_low_payments": 1,
    }


async def test_a_policy_of_several_customers_is_the_smallest_ones(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,5,"], ["10,7,", "9,8,"], "P1,9\nP1,10\nP1,\n,3\n")
    got = await ask(analytics)
    assert (got["customers_with_both"], got["payment_to_claim_ratio"]) == (1, 1.4)


async def test_the_next_payment_is_the_first_at_or_after_the_claim(analytics: RunningAnalytics) -> None:
    claims = [
        "P1,1,2024-01-01T00:00:00",  # paid 0 days later
        "P1,,2024-01-01T12:00:00",  # 1.5 days
        "P1,1,2024-01-02T00:00:00",  # 1 day, by the same payment
        "P2,1,2024-01-05",  # 20 days
        "P3,1,2024-05-01",  # only paid before
        "P4,1,2024-06-30T00:00:01",  # after as_of
        "P9,1,2024-01-01",  # of no known policy
    ]
    payments = [
        "1,1,2024-01-03T00:00:00",
        "1,1,2024-01-01T00:00:00",
        "2,,2024-01-25",
        "2,1,2024-02-01",
        "3,1,2024-04-30",
        "3,1,2024-07-01",
        "4,1,2024-06-30T00:00:02",
        ",1,2024-01-01",
    ]
    put_all(analytics, claims, payments)
    assert (await ask(analytics))["lag_days_median"] == 1.25


async def test_no_claim_that_was_followed_gives_no_lag(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,1,2024-01-02"], ["1,1,2024-01-01", "2,1,2024-01-03"])
    assert (await ask(analytics))["lag_days_median"] is None


async def test_months_without_any_count_as_nothing(analytics: RunningAnalytics) -> None:
    # Rows of nobody count too, those before the twelve months and after as_of do not.
    claims = ["X,100,2024-05-31T23:59:59", "X,200,2024-06-01", "X,900,2024-06-30T00:00:01", "X,900,2023-06-30"]
    put_all(analytics, claims, [",1,2024-05-01", ",2,2024-06-29", ",70,2023-06-01", ",70,2024-06-30T01:00:00"])
    assert (await ask(analytics))["monthly_correlation"] == 1.0
    put_all(analytics, ["X,1,2023-07-01"], [",1,2024-06-29"])
    # Eleven of twelve months are nothing on each side, and never the same one is more: -1 / 11.
    assert (await ask(analytics))["monthly_correlation"] == -0.0909


async def test_the_newest_claim_or_payment_is_as_of(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,1,2024-03-01"], ["1,1,2024-03-02T01:02:03", "1,1,2099-01-01", "1,x,never"])
    got = await ask(analytics, "")
    assert got["as_of"].isoformat() == "2024-03-02T01:02:03"
    assert [(issue["column"], issue["bad_values"]) for issue in got["data_issues"]] == [("fecha_pago", 1), ("monto", 1)]


async def test_huge_amounts_give_ranks_and_no_number_that_is_none(analytics: RunningAnalytics) -> None:
    put_all(analytics, ["P1,1e300,", "P2,2e300,", "P3,-1e300,"], ["1,1e300,", "2,3e300,", "3,5,"])
    got = await ask(analytics)
    assert (got["customers_with_both"], got["pearson"]) == (3, None)
    assert got["spearman"] == 1.0


async def test_all_three_datasets_are_needed(analytics: RunningAnalytics) -> None:
    put_all(analytics, [], [])
    analytics.path("cassandra/reclamos/reclamos.csv").unlink()
    error = await refusal(ask(analytics))
    assert (error.http_status, error.metadata["path"]) == (404, "cassandra/reclamos/reclamos.csv")
