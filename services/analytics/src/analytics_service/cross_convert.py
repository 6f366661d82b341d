"""The rows of the reports across the sources as messages of the contract."""

from atalaya.analytics.v1 import insurance_pb2 as pb

from analytics_service.answer import Answer
from analytics_service.convert import ending
from analytics_service.query_engine import Row

# The groups that are always there.
_HOW_MANY = ("1", "2", "3+")
_AGES = ("under 18", "18-25", "26-35", "36-45", "46-55", "56-65", "65+")
_BANDS = ("< 10000", "10000-49999", "50000-99999", ">= 100000")


def customer_policy_profile(answer: Answer) -> pb.GetCustomerPolicyProfileResponse:
    (with_policies,), (without_policies,) = _part(answer, "with_policies"), _part(answer, "without_policies")
    by_age = {ages: pb.CustomerGroup() for ages in _AGES}
    return pb.GetCustomerPolicyProfileResponse(
        customers_with_policies=with_policies["customers"],
        customers_without_policies=without_policies["customers"],
        policies_per_customer=dict.fromkeys(_HOW_MANY, 0)
        | {row["label"]: row["customers"] for row in _part(answer, "how_many")},
        by_state={row["label"]: _customer_group(row) for row in _part(answer, "state")},
        by_age_group=by_age | {row["label"]: _customer_group(row) for row in _part(answer, "age_group")},
        high_value_customers=[
            pb.HighValueCustomer(
                customer_id=row["label"],
                name=row["name"],
                policies=row["policies"],
                total_premium=row["total_premium"],
            )
            for row in _part(answer, "high_value")
        ],
        **ending(answer),
    )


def _part(answer: Answer, part: str) -> list[Row]:
    return [row for row in answer.rows if row["part"] == part]


def _customer_group(row: Row) -> pb.CustomerGroup:
    return pb.CustomerGroup(
        customers=row["customers"],
        policies=row["policies"],
        average_premium=row["average_premium"],
        average_sum_insured=row["average_sum_insured"],
    )


def agent_performance(answer: Answer) -> pb.GetAgentPerformanceResponse:
    *agents, everyone = answer.rows
    return pb.GetAgentPerformanceResponse(
        agents=[_agent(row) for row in agents],
        totals=pb.AgentTotals(
            agents=everyone["agents"],
            policies=everyone["policies"],
            customers=everyone["customers"],
            total_premium=everyone["total_premium"],
            claims=everyone["claims"],
            approved_amount=everyone["approved_amount"],
            loss_ratio=everyone["loss_ratio"],
        ),
        inactive_agents_with_policies=everyone["inactive_with_policies"],
        **ending(answer),
    )


def _agent(row: Row) -> pb.AgentPerformance:
    return pb.AgentPerformance(
        agent_id=row["agent_id"],
        code=row["code"],
        name=row["name"],
        is_active=row["is_active"],
        policies=row["policies"],
        customers=row["customers"],
        total_premium=row["total_premium"],
        average_premium=row["average_premium"],
        states=row["states"],
        claims=row["claims"],
        approved_amount=row["approved_amount"],
        loss_ratio=row["loss_ratio"],
        retention_rate=row["retention_rate"],
        rank=row["place"],
    )


def claims_versus_policies(answer: Answer) -> pb.GetClaimsVersusPoliciesResponse:
    everything = next(row for row in answer.rows if row["product_type"] is None and row["band"] is None)
    bands = {band: pb.ClaimRates() for band in _BANDS}
    return pb.GetClaimsVersusPoliciesResponse(
        total_policies=everything["policies"],
        policies_with_claims=everything["claimed_policies"],
        claim_frequency=everything["claim_frequency"],
        average_severity=everything["average_severity"],
        loss_ratio=everything["loss_ratio"],
        by_product_type={
            row["product_type"]: _claim_rates(row) for row in answer.rows if row["product_type"] is not None
        },
        by_sum_insured_band=bands | {row["band"]: _claim_rates(row) for row in answer.rows if row["band"] is not None},
        claims_without_policy=everything["other_claims"],
        **ending(answer),
    )


def _claim_rates(row: Row) -> pb.ClaimRates:
    return pb.ClaimRates(
        policies=row["policies"],
        claims=row["claims"],
        claim_frequency=row["claim_frequency"],
        average_severity=row["average_severity"],
        loss_ratio=row["loss_ratio"],
    )
