"""The rpcs of DataService."""

from collections.abc import AsyncIterator
from typing import Any

from atalaya.ingest.v1 import data_pb2
from atalaya.ingest.v1.data_pb2_grpc import DataServiceServicer
from atalaya.jobs.v1 import job_pb2
from grpc.aio import ServicerContext
from service_runtime.errors import InvalidArgument
from service_runtime.identity import caller
from service_runtime.paging import decode_page_token, encode_page_token, number_position, page_size

from ingest_service import convert
from ingest_service.imports import Imports


class DataServicer(DataServiceServicer):
    """Files that come in."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    async def ImportData(
        self, request_iterator: AsyncIterator[data_pb2.ImportDataRequest], context: ServicerContext[Any, Any]
    ) -> data_pb2.ImportDataResponse:
        first = await anext(request_iterator, None)
        if first is None:
            raise InvalidArgument("EMPTY_FILE", "The file is empty.")
        request = convert.to_import_request(first, caller().timezone)
        pieces = _pieces(first, request_iterator)
        job, size = await self._imports.accept(caller(), request, first.file.content_type, pieces)
        return data_pb2.ImportDataResponse(
            job_id=job.id, status=job_pb2.JobStatus.Value(job.status), bytes_received=size
        )

    async def ListRejectedRows(
        self, request: data_pb2.ListRejectedRowsRequest, context: ServicerContext[Any, Any]
    ) -> data_pb2.ListRejectedRowsResponse:
        tenant_id, size = caller().tenant_id, page_size(request.page_size)
        query = {"rejected": request.job_id}
        after = decode_page_token(request.page_token, tenant_id, query, number_position) or 0
        rows = await self._imports.rejected(caller(), request.job_id, after, size + 1)
        token = encode_page_token(tenant_id, query, rows[size - 1].line) if len(rows) > size else ""
        return data_pb2.ListRejectedRowsResponse(
            rows=[convert.from_rejected_row(row) for row in rows[:size]], next_page_token=token
        )


async def _pieces(
    first: data_pb2.ImportDataRequest, rest: AsyncIterator[data_pb2.ImportDataRequest]
) -> AsyncIterator[bytes]:
    yield first.file.data
    async for message in rest:
        yield message.file.data
