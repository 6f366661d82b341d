"""RFM segments, customers, their history, and what segments offer."""

import asyncio
from typing import Any

from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc
from service_runtime.identity import caller

from analytics_service import rfm_convert
from analytics_service.benefits import Benefits
from analytics_service.rfm import Rfm


class RfmServicer(rfm_pb2_grpc.RfmServiceServicer):
    """Answers RfmService from the caller's kept table."""

    def __init__(self, rfm: Rfm, benefits: Benefits) -> None:
        self._rfm, self._benefits = rfm, benefits

    async def ListSegments(self, request: rfm_pb2.ListSegmentsRequest, context: Any) -> rfm_pb2.ListSegmentsResponse:
        return rfm_convert.segments(await self._rfm.segmentation(caller().tenant_id))

    async def GetCustomer(self, request: rfm_pb2.GetCustomerRequest, context: Any) -> rfm_pb2.GetCustomerResponse:
        tenant_id = caller().tenant_id
        found, as_of = await self._rfm.customer(tenant_id, request.id_cuenta)
        return rfm_convert.customer(found, as_of, await self._benefits.of(tenant_id))

    async def BatchGetCustomers(
        self, request: rfm_pb2.BatchGetCustomersRequest, context: Any
    ) -> rfm_pb2.BatchGetCustomersResponse:
        tenant_id = caller().tenant_id
        found = await self._rfm.customers(tenant_id, request.ids)
        benefits = await self._benefits.of(tenant_id)
        return await asyncio.to_thread(rfm_convert.customers, found, benefits)

    async def GetCustomerHistory(
        self, request: rfm_pb2.GetCustomerHistoryRequest, context: Any
    ) -> rfm_pb2.GetCustomerHistoryResponse:
        return rfm_convert.history(await self._rfm.history(caller().tenant_id, request.id_cuenta))

    async def SetSegmentBenefits(
        self, request: rfm_pb2.SetSegmentBenefitsRequest, context: Any
    ) -> rfm_pb2.SetSegmentBenefitsResponse:
        segmento, beneficios = await self._benefits.set(caller(), request.segmento, request.beneficios)
        return rfm_pb2.SetSegmentBenefitsResponse(segmento=segmento, beneficios=beneficios)
