"""The reports over products, policies and coverages."""

from typing import Any

from atalaya.analytics.v1 import insurance_policies_pb2 as pb
from atalaya.analytics.v1 import insurance_policies_pb2_grpc as pb_grpc
from service_runtime.identity import caller

from analytics_service import policies_convert
from analytics_service.answers import Answers
from analytics_service.as_of import parse_as_of
from analytics_service.policies_reports import (
    COVERAGE_OVERVIEW,
    POLICY_OVERVIEW,
    POLICY_TRENDS,
    PRODUCT_OVERVIEW,
    PRODUCT_PROFITABILITY,
)

_DEFAULT_MONTHS = 12


class InsurancePoliciesServicer(pb_grpc.InsurancePoliciesServiceServicer):
    """Answers InsurancePoliciesService from the caller's lake."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def GetProductOverview(
        self, request: pb.GetProductOverviewRequest, context: Any
    ) -> pb.GetProductOverviewResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, PRODUCT_OVERVIEW, policies_convert.product_overview, as_of
        )

    async def GetPolicyOverview(
        self, request: pb.GetPolicyOverviewRequest, context: Any
    ) -> pb.GetPolicyOverviewResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, POLICY_OVERVIEW, policies_convert.policy_overview, as_of)

    async def GetCoverageOverview(
        self, request: pb.GetCoverageOverviewRequest, context: Any
    ) -> pb.GetCoverageOverviewResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, COVERAGE_OVERVIEW, policies_convert.coverage_overview, as_of
        )

    async def GetProductProfitability(
        self, request: pb.GetProductProfitabilityRequest, context: Any
    ) -> pb.GetProductProfitabilityResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, PRODUCT_PROFITABILITY, policies_convert.product_profitability, as_of
        )

    async def GetPolicyTrends(self, request: pb.GetPolicyTrendsRequest, context: Any) -> pb.GetPolicyTrendsResponse:
        as_of = parse_as_of(request.as_of)
        months = request.months if request.HasField("months") else _DEFAULT_MONTHS
        return await self._answers.answer(
            caller().tenant_id, POLICY_TRENDS, policies_convert.policy_trends, as_of, months=months
        )
