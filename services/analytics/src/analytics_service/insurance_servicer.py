"""The insurance reports."""

from typing import Any

from atalaya.analytics.v1 import insurance_pb2, insurance_pb2_grpc
from google.api.httpbody_pb2 import HttpBody
from service_runtime.identity import caller

from analytics_service import convert, cross_convert
from analytics_service.cross_reports import AGENT_PERFORMANCE, CLAIMS_VERSUS_POLICIES, CUSTOMER_POLICY_PROFILE
from analytics_service.report_servicer import ReportServicer
from analytics_service.reports import AVERAGE_PAYMENT, CLAIM_STATS, CUSTOMER_JOURNEY, TOP_SERVICES


class InsuranceServicer(ReportServicer, insurance_pb2_grpc.InsuranceServiceServicer):
    """Answers InsuranceService from the caller's lake."""

    async def GetClaimStats(
        self, request: insurance_pb2.GetClaimStatsRequest, context: Any
    ) -> insurance_pb2.GetClaimStatsResponse:
        return await self._answers.answer(caller().tenant_id, CLAIM_STATS, convert.claim_stats)

    async def ExportClaimStatsJson(self, request: insurance_pb2.ExportClaimStatsJsonRequest, context: Any) -> HttpBody:
        return await self._answers.answer(caller().tenant_id, CLAIM_STATS, convert.claim_stats_json)

    async def GetAveragePayment(
        self, request: insurance_pb2.GetAveragePaymentRequest, context: Any
    ) -> insurance_pb2.GetAveragePaymentResponse:
        return await self._answers.answer(caller().tenant_id, AVERAGE_PAYMENT, convert.average_payment)

    async def ListTopServices(
        self, request: insurance_pb2.ListTopServicesRequest, context: Any
    ) -> insurance_pb2.ListTopServicesResponse:
        return await self._answers.answer(caller().tenant_id, TOP_SERVICES, convert.top_services)

    async def ExportTopServicesJson(
        self, request: insurance_pb2.ExportTopServicesJsonRequest, context: Any
    ) -> HttpBody:
        return await self._answers.answer(caller().tenant_id, TOP_SERVICES, convert.top_services_json)

    async def GetCustomerPolicyProfile(
        self, request: insurance_pb2.GetCustomerPolicyProfileRequest, context: Any
    ) -> insurance_pb2.GetCustomerPolicyProfileResponse:
        return await self._report(request, CUSTOMER_POLICY_PROFILE, cross_convert.customer_policy_profile)

    async def GetAgentPerformance(
        self, request: insurance_pb2.GetAgentPerformanceRequest, context: Any
    ) -> insurance_pb2.GetAgentPerformanceResponse:
        return await self._report(request, AGENT_PERFORMANCE, cross_convert.agent_performance)

    async def GetClaimsVersusPolicies(
        self, request: insurance_pb2.GetClaimsVersusPoliciesRequest, context: Any
    ) -> insurance_pb2.GetClaimsVersusPoliciesResponse:
        return await self._report(request, CLAIMS_VERSUS_POLICIES, cross_convert.claims_versus_policies)

    async def GetCustomerJourney(
        self, request: insurance_pb2.GetCustomerJourneyRequest, context: Any
    ) -> insurance_pb2.GetCustomerJourneyResponse:
        return await self._report(request, CUSTOMER_JOURNEY, convert.customer_journey)
