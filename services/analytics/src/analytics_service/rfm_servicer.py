"""RFM segments and customers."""

from typing import Any

from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc
from service_runtime.identity import caller

from analytics_service import convert
from analytics_service.rfm import Rfm


class RfmServicer(rfm_pb2_grpc.RfmServiceServicer):
    """Answers RfmService from the caller's kept table."""

    def __init__(self, rfm: Rfm) -> None:
        self._rfm = rfm

    async def ListSegments(self, request: rfm_pb2.ListSegmentsRequest, context: Any) -> rfm_pb2.ListSegmentsResponse:
        return convert.segments(await self._rfm.segmentation(caller().tenant_id))

    async def GetCustomer(self, request: rfm_pb2.GetCustomerRequest, context: Any) -> rfm_pb2.GetCustomerResponse:
        return convert.customer(*await self._rfm.customer(caller().tenant_id, request.id_cuenta))
