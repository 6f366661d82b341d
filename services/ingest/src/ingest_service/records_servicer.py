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
from ingest_service.record_changes import RecordChanges
from ingest_service.records import Records, metrics_json, newest_metrics_json, posts_json, window

_DEFAULT_LIMIT = 100


class RecordsServicer(RecordsServiceServicer):
    """Posts and metrics; each list typed and as JSON."""

    def __init__(self, records: Records, changes: RecordChanges) -> None:
        self._records = records
        self._changes = changes

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

    async def CreatePublicacion(
        self, request: records_pb2.CreatePublicacionRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.Publicacion:
        return convert.from_post(await self._changes.create_post(caller(), request.usuario, convert.to_post(request)))

    async def GetPublicacion(
        self, request: records_pb2.GetPublicacionRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.Publicacion:
        return convert.from_post(await self._changes.post(caller(), request.usuario, request.id_publicacion))

    async def UpdatePublicacion(
        self, request: records_pb2.UpdatePublicacionRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.Publicacion:
        values, numbers = convert.to_post(request), convert.to_numbers(request)
        return convert.from_post(
            await self._changes.update_post(caller(), request.usuario, request.id_publicacion, values, numbers)
        )

    async def DeletePublicacion(
        self, request: records_pb2.DeletePublicacionRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.DeletePublicacionResponse:
        await self._changes.delete_post(caller(), request.usuario, request.id_publicacion)
        return records_pb2.DeletePublicacionResponse()

    async def CreateMetrica(
        self, request: records_pb2.CreateMetricaRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.Metrica:
        values = convert.to_metric(request)
        return convert.from_metric(await self._changes.create_metric(caller(), request.usuario, values))

    async def ListMetricasDeEmpresa(
        self, request: records_pb2.ListMetricasDeEmpresaRequest, context: ServicerContext[Any, Any]
    ) -> records_pb2.ListMetricasDeEmpresaResponse:
        rows = await self._records.newest_metrics(caller())
        return records_pb2.ListMetricasDeEmpresaResponse(metricas=[convert.from_newest_metric(row) for row in rows])

    async def ExportMetricasDeEmpresaJson(
        self, request: records_pb2.ExportMetricasDeEmpresaJsonRequest, context: ServicerContext[Any, Any]
    ) -> HttpBody:
        rows = await self._records.newest_metrics(caller())
        return HttpBody(content_type="application/json", data=newest_metrics_json(rows))

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
        order=request.orden,
    )


def _metrics_window(request: records_pb2.ListMetricasRequest | records_pb2.ExportMetricasJsonRequest) -> Window:
    return window(
        request.desde, request.hasta, caller().timezone, limit=request.limit or _DEFAULT_LIMIT, offset=request.offset
    )
