"""The rpcs of SourcesService."""

from typing import Any

from atalaya.ingest.v1 import sources_pb2
from atalaya.ingest.v1.sources_pb2_grpc import SourcesServiceServicer
from atalaya.jobs.v1 import job_pb2
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.paging import PageTokens, page_size, text_position

from ingest_service import convert_sources
from ingest_service.sources.sources import Sources

_QUERY = {"list": "sources"}


class SourcesServicer(SourcesServiceServicer):
    """Sources of the caller's tenant."""

    def __init__(self, sources: Sources, pages: PageTokens) -> None:
        self._sources = sources
        self._pages = pages

    async def ListSources(
        self, request: sources_pb2.ListSourcesRequest, context: ServicerContext[Any, Any]
    ) -> sources_pb2.ListSourcesResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        after = self._pages.decode(request.page_token, tenant_id, _QUERY, text_position) or ""
        found = await self._sources.page(caller(), after, size + 1)
        more = len(found) > size
        token = self._pages.encode(tenant_id, _QUERY, found[size - 1].source.name) if more else ""
        sources = [convert_sources.from_source(view) for view in found[:size]]
        return sources_pb2.ListSourcesResponse(sources=sources, next_page_token=token)

    async def CreateSource(
        self, request: sources_pb2.CreateSourceRequest, context: ServicerContext[Any, Any]
    ) -> sources_pb2.Source:
        change = convert_sources.to_new(request)
        return convert_sources.from_source(await self._sources.create(caller(), request.name, request.kind, change))

    async def UpdateSource(
        self, request: sources_pb2.UpdateSourceRequest, context: ServicerContext[Any, Any]
    ) -> sources_pb2.Source:
        change = convert_sources.to_change(request)
        return convert_sources.from_source(await self._sources.update(caller(), request.name, change))

    async def DeleteSource(
        self, request: sources_pb2.DeleteSourceRequest, context: ServicerContext[Any, Any]
    ) -> sources_pb2.DeleteSourceResponse:
        await self._sources.delete(caller(), request.name)
        return sources_pb2.DeleteSourceResponse()

    async def RunSource(
        self, request: sources_pb2.RunSourceRequest, context: ServicerContext[Any, Any]
    ) -> sources_pb2.RunSourceResponse:
        job = await self._sources.run(caller(), request.name, full=request.full)
        return sources_pb2.RunSourceResponse(job_id=job.id, status=job_pb2.JobStatus.Value(job.status))
