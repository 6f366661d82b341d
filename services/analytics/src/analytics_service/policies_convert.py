"""The rows of the reports over products, policies and coverages as messages of the contract."""

from collections.abc import Iterable

from atalaya.analytics.v1 import insurance_policies_pb2 as pb

from analytics_service.answer import Answer
from analytics_service.convert import ending
from analytics_service.query_engine import Row

# The bands of premiums, all of them always there.
_BANDS = ("< 100", "100-499", "500-999", ">= 1000")
_LONGEST_LIST = 10


def product_overview(answer: Answer) -> pb.GetProductOverviewResponse:
    (everything,) = _part(answer, "all")
    return pb.GetProductOverviewResponse(
        total_products=everything["products"],
        product_types={row["label"]: row["products"] for row in _part(answer, "type")},
        premium_statistics=pb.ProductPremiumStatistics(
            average_premium=everything["average"],
            median_premium=everything["median"],
            max_premium=everything["maximum"],
            min_premium=everything["minimum"],
            premium_distribution=dict.fromkeys(_BANDS, 0)
            | {row["label"]: row["products"] for row in _part(answer, "band")},
        ),
        data_completeness=pb.ProductCompleteness(
            products_with_premium=everything["with_premium"],
            products_with_description=everything["with_description"],
        ),
        **ending(answer),
    )


def policy_overview(answer: Answer) -> pb.GetPolicyOverviewResponse:
    (everything,) = _part(answer, "all")
    return pb.GetPolicyOverviewResponse(
        total_policies=everything["policies"],
        by_status={row["label"]: row["policies"] for row in _part(answer, "status")},
        premium_statistics=_amounts(_part(answer, "premium")),
        sum_insured_statistics=_amounts(_part(answer, "sum_insured")),
        by_product_type={
            row["label"]: pb.ProductTypePolicies(policies=row["policies"], total_premium=row["total"])
            for row in _part(answer, "type")
        },
        active_policies=everything["active"],
        expiring_next_30_days=everything["expiring"],
        top_agents=[
            pb.AgentPolicies(agent_id=row["label"], policies=row["policies"], total_premium=row["total"])
            for row in _part(answer, "agent")
        ],
        **ending(answer),
    )


def coverage_overview(answer: Answer) -> pb.GetCoverageOverviewResponse:
    everything = next(row for row in answer.rows if row["coverage_name"] is None)
    return pb.GetCoverageOverviewResponse(
        total_coverages=everything["coverages"],
        by_name={
            row["coverage_name"]: pb.CoverageAmounts(
                count=row["coverages"],
                average_limit=row["average_limit"],
                average_deductible=row["average_deductible"],
                deductible_ratio=row["deductible_ratio"],
            )
            for row in answer.rows
            if row["coverage_name"] is not None
        },
        average_coverages_per_policy=everything["coverages_per_policy"],
        policies_without_coverage=everything["policies_without_coverage"],
        **ending(answer),
    )


def product_profitability(answer: Answer) -> pb.GetProductProfitabilityResponse:
    def top(place: str) -> Iterable[pb.ProductProfitability]:
        listed = [row for row in answer.rows if row[place] <= _LONGEST_LIST]
        return [_product(row) for row in sorted(listed, key=lambda row: int(row[place]))]

    return pb.GetProductProfitabilityResponse(
        products=[_product(row) for row in answer.rows],
        top_products_by_volume=top("place_by_volume"),
        top_products_by_premium=top("place_by_premium"),
        most_profitable=top("place_by_profit"),
        least_profitable=top("place_by_loss"),
        **ending(answer),
    )


def policy_trends(answer: Answer) -> pb.GetPolicyTrendsResponse:
    months = answer.parameters["months"]
    newest = answer.rows[-1]
    has_forecast = newest["forecast_policies"] is not None
    return pb.GetPolicyTrendsResponse(
        months=months,
        monthly=[
            pb.MonthlyPolicies(
                month=row["month"],
                policies=row["policies"],
                total_premium=row["total_premium"],
                average_premium=row["average_premium"],
                cancelled=row["cancelled"],
            )
            for row in answer.rows
            if row["back"] < months
        ],
        growth=pb.PolicyGrowth(policies_rate=newest["policies_rate"], premium_rate=newest["premium_rate"]),
        seasonality={row["month"][-2:]: row["season_index"] for row in answer.rows if row["season_index"] is not None},
        forecast_next_month=pb.PolicyForecast(
            policies=newest["forecast_policies"], lower=newest["forecast_lower"], upper=newest["forecast_upper"]
        )
        if has_forecast
        else None,
        **ending(answer),
    )


def _part(answer: Answer, part: str) -> list[Row]:
    return [row for row in answer.rows if row["part"] == part]


def _amounts(rows: list[Row]) -> pb.PolicyAmounts:
    """The one row, or none where no policy has the amount."""
    if not rows:
        return pb.PolicyAmounts(total=0)
    (row,) = rows
    return pb.PolicyAmounts(
        total=row["total"],
        average=row["average"],
        median=row["median"],
        max=row["maximum"],
        min=row["minimum"],
    )


def _product(row: Row) -> pb.ProductProfitability:
    return pb.ProductProfitability(
        product_id=row["product_id"],
        code=row["code"],
        name=row["name"],
        product_type=row["product_type"],
        policy_number_count=row["policies"],
        total_premium=row["total_premium"],
        average_premium=row["average_premium"],
        total_sum_insured=row["total_sum_insured"],
        claims=row["claims"],
        claims_amount=row["claims_amount"],
        loss_ratio=row["loss_ratio"],
        profit=row["profit"],
    )
