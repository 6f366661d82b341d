"""The reports over products, policies and coverages."""

from typing import Any

from atalaya.analytics.v1 import insurance_policies_pb2 as pb
from atalaya.analytics.v1 import insurance_policies_pb2_grpc as pb_grpc

from analytics_service import policies_convert
from analytics_service.policies_reports import (
    COVERAGE_OVERVIEW,
    POLICY_OVERVIEW,
    POLICY_TRENDS,
    PRODUCT_OVERVIEW,
    PRODUCT_PROFITABILITY,
)
from analytics_service.report_servicer import ReportServicer

_DEFAULT_MONTHS = 12


class InsurancePoliciesServicer(ReportServicer, pb_grpc.InsurancePoliciesServiceServicer):
    """Answers InsurancePoliciesService from the caller's lake."""

    async def GetProductOverview(
        self, request: pb.GetProductOverviewRequest, context: Any
    ) -> pb.GetProductOverviewResponse:
        return await self._report(request, PRODUCT_OVERVIEW, policies_convert.product_overview)

    async def GetPolicyOverview(
        self, request: pb.GetPolicyOverviewRequest, context: Any
    ) -> pb.GetPolicyOverviewResponse:
        return await self._report(request, POLICY_OVERVIEW, policies_convert.policy_overview)

    async def GetCoverageOverview(
        self, request: pb.GetCoverageOverviewRequest, context: Any
    ) -> pb.GetCoverageOverviewResponse:
        return await self._report(request, COVERAGE_OVERVIEW, policies_convert.coverage_overview)

    async def GetProductProfitability(
        self, request: pb.GetProductProfitabilityRequest, context: Any
    ) -> pb.GetProductProfitabilityResponse:
        return await self._report(request, PRODUCT_PROFITABILITY, policies_convert.product_profitability)

    async def GetPolicyTrends(self, request: pb.GetPolicyTrendsRequest, context: Any) -> pb.GetPolicyTrendsResponse:
        months = request.months if request.HasField("months") else _DEFAULT_MONTHS
        return await self._report(request, POLICY_TRENDS, policies_convert.policy_trends, months=months)
