"""The reports on users, clients, agents and beneficiaries."""

from typing import Any

from atalaya.analytics.v1 import insurance_people_pb2 as pb
from atalaya.analytics.v1 import insurance_people_pb2_grpc

from analytics_service import people_convert as convert
from analytics_service import people_reports as reports
from analytics_service.report_servicer import ReportServicer

_MONTHS = 12


class InsurancePeopleServicer(ReportServicer, insurance_people_pb2_grpc.InsurancePeopleServiceServicer):
    """Answers InsurancePeopleService from the caller's lake."""

    async def GetUserStatistics(
        self, request: pb.GetUserStatisticsRequest, context: Any
    ) -> pb.GetUserStatisticsResponse:
        return await self._report(request, reports.USER_STATISTICS, convert.user_statistics)

    async def GetClientDemographics(
        self, request: pb.GetClientDemographicsRequest, context: Any
    ) -> pb.GetClientDemographicsResponse:
        return await self._report(request, reports.CLIENT_DEMOGRAPHICS, convert.client_demographics)

    async def GetAgentPremiums(self, request: pb.GetAgentPremiumsRequest, context: Any) -> pb.GetAgentPremiumsResponse:
        return await self._report(request, reports.AGENT_PREMIUMS, convert.agent_premiums)

    async def GetBeneficiaryRelationships(
        self, request: pb.GetBeneficiaryRelationshipsRequest, context: Any
    ) -> pb.GetBeneficiaryRelationshipsResponse:
        return await self._report(request, reports.BENEFICIARY_RELATIONSHIPS, convert.beneficiary_relationships)

    async def GetGrowthByState(self, request: pb.GetGrowthByStateRequest, context: Any) -> pb.GetGrowthByStateResponse:
        months = request.months if request.HasField("months") else _MONTHS
        return await self._report(request, reports.GROWTH_BY_STATE, convert.growth_by_state, months=months)

    async def GetDataQualityReport(
        self, request: pb.GetDataQualityReportRequest, context: Any
    ) -> pb.GetDataQualityReportResponse:
        return await self._report(request, reports.DATA_QUALITY, convert.data_quality)
