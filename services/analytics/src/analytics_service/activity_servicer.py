"""The activity reports: claims, payments and the audit trail."""

from typing import Any

from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from atalaya.analytics.v1 import insurance_activity_pb2_grpc
from service_runtime.identity import caller

from analytics_service import activity_convert
from analytics_service.activity_reports import (
    ACTIVITY_PATTERNS,
    CLAIMS_PAYMENTS_CORRELATION,
    CLAIMS_REPORT,
    PAYMENTS_REPORT,
    TRANSACTION_AUDIT,
)
from analytics_service.answers import Answers
from analytics_service.as_of import parse_as_of

_HOURS_OF_A_WEEK = 168


class InsuranceActivityServicer(insurance_activity_pb2_grpc.InsuranceActivityServiceServicer):
    """Answers InsuranceActivityService from the caller's lake."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def GetClaimsReport(self, request: pb.GetClaimsReportRequest, context: Any) -> pb.GetClaimsReportResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, CLAIMS_REPORT, activity_convert.claims, as_of)

    async def GetPaymentsReport(
        self, request: pb.GetPaymentsReportRequest, context: Any
    ) -> pb.GetPaymentsReportResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, PAYMENTS_REPORT, activity_convert.payments, as_of)

    async def GetTransactionAuditReport(
        self, request: pb.GetTransactionAuditReportRequest, context: Any
    ) -> pb.GetTransactionAuditReportResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, TRANSACTION_AUDIT, activity_convert.transaction_audit, as_of
        )

    async def GetClaimsPaymentsCorrelation(
        self, request: pb.GetClaimsPaymentsCorrelationRequest, context: Any
    ) -> pb.GetClaimsPaymentsCorrelationResponse:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(
            caller().tenant_id, CLAIMS_PAYMENTS_CORRELATION, activity_convert.correlation, as_of
        )

    async def GetActivityPatterns(
        self, request: pb.GetActivityPatternsRequest, context: Any
    ) -> pb.GetActivityPatternsResponse:
        as_of = parse_as_of(request.as_of)
        hours = request.hours if request.HasField("hours") else _HOURS_OF_A_WEEK
        return await self._answers.answer(
            caller().tenant_id, ACTIVITY_PATTERNS, activity_convert.activity_patterns, as_of, hours=hours
        )
