"""The rpcs of DataService."""

from collections.abc import AsyncIterator
from typing import Any

from atalaya.ingest.v1 import data_pb2
from atalaya.ingest.v1.data_pb2_grpc import DataServiceServicer
from atalaya.jobs.v1 import job_pb2
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from service_runtime.errors import InvalidArgument
from service_runtime.identity import caller
from service_runtime.paging import PageTokens, number_position, page_size
from service_runtime.rest import set_reply_header

from ingest_service import convert
from ingest_service.imports import Imports
from ingest_service.lake_source import is_json, read_source_uri
from ingest_service.replays import Replays
from ingest_service.sources.sources import Sources


class DataServicer(DataServiceServicer):
    """Files that come in."""

    def __init__(self, imports: Imports, replays: Replays, sources: Sources, pages: PageTokens) -> None:
        self._imports = imports
        self._replays = replays
        self._sources = sources
        self._pages = pages

    async def ImportData(
        self, request_iterator: AsyncIterator[data_pb2.ImportDataRequest], context: ServicerContext[Any, Any]
    ) -> data_pb2.ImportDataResponse:
        first = await anext(request_iterator, None)
        if first is None:
            raise InvalidArgument("EMPTY_FILE", "The file is empty.")
        request = convert.to_import_request(first, caller().timezone)
        pieces, content_type = _pieces(first, request_iterator), first.file.content_type
        if is_json(content_type):
            job, size = await self._imports.accept_from_lake(caller(), request, await read_source_uri(pieces))
        else:
            job, size = await self._imports.accept(caller(), request, content_type, pieces)
        return data_pb2.ImportDataResponse(
            job_id=job.id, status=job_pb2.JobStatus.Value(job.status), bytes_received=size
        )

    async def ListRejectedRows(
        self, request: data_pb2.ListRejectedRowsRequest, context: ServicerContext[Any, Any]
    ) -> data_pb2.ListRejectedRowsResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        query = {"rejected": request.job_id}
        after = self._pages.decode(request.page_token, tenant_id, query, number_position) or 0
        rows = await self._sources.left_out(caller(), request.job_id, after, size + 1)
        if rows is None:
            rows = await self._imports.rejected(caller(), request.job_id, after, size + 1)
        token = self._pages.encode(tenant_id, query, rows[size - 1].line) if len(rows) > size else ""
        return data_pb2.ListRejectedRowsResponse(
            rows=[convert.from_rejected_row(row) for row in rows[:size]], next_page_token=token
        )

    async def DownloadRejectedRows(
        self, request: data_pb2.DownloadRejectedRowsRequest, context: ServicerContext[Any, Any]
    ) -> AsyncIterator[HttpBody]:
        name = f"rejected-{request.job_id.rpartition('/')[2]}.csv"
        pieces = await self._sources.left_out_file(caller(), request.job_id, raw=request.raw)
        if pieces is None:
            pieces = self._replays.download(caller(), request.job_id, raw=request.raw)
        first = await anext(pieces)
        set_reply_header("content-disposition", f'attachment; filename="{_plain(name)}"')
        set_reply_header("x-content-type-options", "nosniff")
        yield HttpBody(content_type="text/csv; charset=utf-8", data=first)
        async for piece in pieces:
            yield HttpBody(data=piece)

    async def ReplayRejectedRows(
        self, request: data_pb2.ReplayRejectedRowsRequest, context: ServicerContext[Any, Any]
    ) -> data_pb2.ReplayRejectedRowsResponse:
        await self._sources.check_no_run(caller(), request.job_id)
        corrections = convert.to_corrections(request)
        job = await self._replays.replay(caller(), request.job_id, dict(request.mapping), corrections)
        return data_pb2.ReplayRejectedRowsResponse(job_id=job.id, status=job_pb2.JobStatus.Value(job.status))


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "-."))


async def _pieces(
    first: data_pb2.ImportDataRequest, rest: AsyncIterator[data_pb2.ImportDataRequest]
) -> AsyncIterator[bytes]:
    yield first.file.data
    async for message in rest:
        yield message.file.data
