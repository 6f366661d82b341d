"""The rpcs of ExportsService."""

from collections.abc import AsyncIterator
from typing import Any

from atalaya.ingest.v1 import exports_pb2
from atalaya.ingest.v1.exports_pb2_grpc import ExportsServiceServicer
from atalaya.jobs.v1 import job_pb2
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.request import current_request
from service_runtime.rest import set_reply_header, set_success_status

from ingest_service.export_range import AskedRange
from ingest_service.export_request import export_request
from ingest_service.exports import Download, Exports


class ExportsServicer(ExportsServiceServicer):
    """Data going out as files."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def CreateExport(
        self, request: exports_pb2.CreateExportRequest, context: ServicerContext[Any, Any]
    ) -> exports_pb2.CreateExportResponse:
        wanted = export_request(
            request.kind,
            request.format,
            request.account.strip(),
            (request.start_date, request.end_date),
            caller().timezone,
            request.dataset,
            request.raw,
        )
        job = await self._exports.create(caller(), wanted)
        return exports_pb2.CreateExportResponse(job_id=job.id, status=job_pb2.JobStatus.Value(job.status))

    async def DownloadExport(
        self, request: exports_pb2.DownloadExportRequest, context: ServicerContext[Any, Any]
    ) -> AsyncIterator[HttpBody]:
        metadata = served.metadata if (served := current_request.get()) else {}
        asked = AskedRange(request.range, metadata.get("range", ""), metadata.get("if-range", ""))
        download = await self._exports.download(caller(), request.job_id, asked)
        _set_headers(download)
        # What goes wrong before the first piece is still an error of the whole call.
        async for piece in download.pieces:
            yield HttpBody(content_type=download.content_type, data=piece)


def _set_headers(download: Download) -> None:
    part = download.part
    if part.is_part:
        set_success_status(206)
        set_reply_header("content-range", f"bytes {part.start}-{part.end - 1}/{download.size}")
    # gRPC's own frames are no part of it, so the gateway makes it the length where it takes them away.
    set_reply_header("x-content-length", str(part.end - part.start))
    set_reply_header("accept-ranges", "bytes")
    set_reply_header("etag", download.etag)
    set_reply_header("content-disposition", download.disposition)
    set_reply_header("x-content-type-options", "nosniff")
    # A gateway or proxy that compresses would change what ranges and the ETag are of.
    set_reply_header("cache-control", "private, no-transform")
