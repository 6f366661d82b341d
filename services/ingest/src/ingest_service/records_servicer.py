"""The rpcs of RecordsService."""

from typing import Any

from atalaya.ingest.v1 import records_pb2
from atalaya.ingest.v1.records_pb2_grpc import RecordsServiceServicer
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.rest import set_reply_header

from ingest_service import convert
from ingest_service.post_store import Window
from ingest_service.records import Records, metrics_json, posts_json, window

_DEFAULT_LIMIT = 100


class RecordsServicer(RecordsServiceServicer):
    """Posts and metrics; each list typed and as JSON."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def ListPublicaciones(
        self, request: records_pb2.ListPublicacionesRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.ListPublicacionesResponse:
        page = await self._records.posts(caller(), request.usuario, _posts_window(request))
        posts = [convert.from_post(row) for row in page.rows]
        return records_pb2.ListPublicacionesResponse(publicaciones=posts, total=page.total)

    async def ExportPublicacionesJson(
        self, request: records_pb2.ExportPublicacionesJsonRequest, context: ServicerContext[Any, Any]
    ) -> HttpBody:
        page = await self._records.posts(caller(), request.usuario, _posts_window(request))
        set_reply_header("x-total-count", str(page.total))
        return HttpBody(content_type="application/json", data=posts_json(page.rows))

    async def ListMetricas(
        self, request: records_pb2.ListMetricasRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.ListMetricasResponse:
        page = await self._records.metrics(caller(), request.usuario, _metrics_window(request))
        metrics = [convert.from_metric(row) for row in page.rows]
        return records_pb2.ListMetricasResponse(metricas=metrics, total=page.total)

    async def ExportMetricasJson(
        self, request: records_pb2.ExportMetricasJsonRequest, context: ServicerContext[Any, Any]
    ) -> HttpBody:
        page = await self._records.metrics(caller(), request.usuario, _metrics_window(request))
        set_reply_header("x-total-count", str(page.total))
        return HttpBody(content_type="application/json", data=metrics_json(page.rows))


def _posts_window(
    request: records_pb2.ListPublicacionesRequest | records_pb2.ExportPublicacionesJsonRequest,
) -> Window:
    return window(
        request.desde,
        request.hasta,
        caller().timezone,
        limit=request.limit or _DEFAULT_LIMIT,
        offset=request.offset,
        tipo_contenido=request.tipo_contenido,
    )


def _metrics_window(request: records_pb2.ListMetricasRequest | records_pb2.ExportMetricasJsonRequest) -> Window:
    return window(
        request.desde, request.hasta, caller().timezone, limit=request.limit or _DEFAULT_LIMIT, offset=request.offset
    )
