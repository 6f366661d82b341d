"""The reports on users, clients, agents and beneficiaries."""

from typing import Any

from atalaya.analytics.v1 import insurance_people_pb2 as pb
from atalaya.analytics.v1 import insurance_people_pb2_grpc
from service_runtime.identity import caller

from analytics_service import people_convert as convert
from analytics_service import people_reports as reports
from analytics_service.answers import Answers
from analytics_service.as_of import parse_as_of

_MONTHS = 12


class InsurancePeopleServicer(insurance_people_pb2_grpc.InsurancePeopleServiceServicer):
    """Answers InsurancePeopleService from the caller's lake."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def GetUserStatistics(
        self, request: pb.GetUserStatisticsRequest, context: Any
    ) -> pb.GetUserStatisticsResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, reports.USER_STATISTICS, convert.user_statistics, as_of)

    async def GetClientDemographics(
        self, request: pb.GetClientDemographicsRequest, context: Any
    ) -> pb.GetClientDemographicsResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, reports.CLIENT_DEMOGRAPHICS, convert.client_demographics, as_of
        )

    async def GetAgentPremiums(self, request: pb.GetAgentPremiumsRequest, context: Any) -> pb.GetAgentPremiumsResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, reports.AGENT_PREMIUMS, convert.agent_premiums, as_of)

    async def GetBeneficiaryRelationships(
        self, request: pb.GetBeneficiaryRelationshipsRequest, context: Any
    ) -> pb.GetBeneficiaryRelationshipsResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, reports.BENEFICIARY_RELATIONSHIPS, convert.beneficiary_relationships, as_of
        )

    async def GetGrowthByState(self, request: pb.GetGrowthByStateRequest, context: Any) -> pb.GetGrowthByStateResponse:
        as_of = parse_as_of(request.as_of)
        months = request.months if request.HasField("months") else _MONTHS
        return await self._answers.answer(
            caller().tenant_id, reports.GROWTH_BY_STATE, convert.growth_by_state, as_of, months=months
        )

    async def GetDataQualityReport(
        self, request: pb.GetDataQualityReportRequest, context: Any
    ) -> pb.GetDataQualityReportResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, reports.DATA_QUALITY, convert.data_quality, as_of)
