"""The activity reports: claims, payments and the audit trail."""

from typing import Any

from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from atalaya.analytics.v1 import insurance_activity_pb2_grpc

from analytics_service import activity_convert
from analytics_service.activity_reports import (
    ACTIVITY_PATTERNS,
    CLAIMS_PAYMENTS_CORRELATION,
    CLAIMS_REPORT,
    PAYMENTS_REPORT,
    TRANSACTION_AUDIT,
)
from analytics_service.report_servicer import ReportServicer

_HOURS_OF_A_WEEK = 168


class InsuranceActivityServicer(ReportServicer, insurance_activity_pb2_grpc.InsuranceActivityServiceServicer):
    """Answers InsuranceActivityService from the caller's lake."""

    async def GetClaimsReport(self, request: pb.GetClaimsReportRequest, context: Any) -> pb.GetClaimsReportResponse:
        return await self._report(request, CLAIMS_REPORT, activity_convert.claims)

    async def GetPaymentsReport(
        self, request: pb.GetPaymentsReportRequest, context: Any
    ) -> pb.GetPaymentsReportResponse:
        return await self._report(request, PAYMENTS_REPORT, activity_convert.payments)

    async def GetTransactionAuditReport(
        self, request: pb.GetTransactionAuditReportRequest, context: Any
    ) -> pb.GetTransactionAuditReportResponse:
        return await self._report(request, TRANSACTION_AUDIT, activity_convert.transaction_audit)

    async def GetClaimsPaymentsCorrelation(
        self, request: pb.GetClaimsPaymentsCorrelationRequest, context: Any
    ) -> pb.GetClaimsPaymentsCorrelationResponse:
        return await self._report(request, CLAIMS_PAYMENTS_CORRELATION, activity_convert.correlation)

    async def GetActivityPatterns(
        self, request: pb.GetActivityPatternsRequest, context: Any
    ) -> pb.GetActivityPatternsResponse:
        hours = request.hours if request.HasField("hours") else _HOURS_OF_A_WEEK
        return await self._report(request, ACTIVITY_PATTERNS, activity_convert.activity_patterns, hours=hours)
