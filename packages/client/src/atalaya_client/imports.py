"""Imports a file of any size and follows its job."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from atalaya.ingest.v1.data_pb2 import GetJobRequest as GetIngestJobRequest
from atalaya.ingest.v1.data_pb2 import ImportDataRequest
from atalaya.jobs.v1.job_pb2 import CANCELLED, FAILED, SUCCEEDED, Job
from google.api.httpbody_pb2 import HttpBody
from service_runtime.errors import DeadlineExceeded, ResourceExhausted, Unavailable

from atalaya_client.connection import Atalaya

CHUNK_BYTES = 512 * 1024
_LONGEST_PAUSE_SECONDS, _LONGEST_WAIT_SECONDS = 2, 60
# Looks in a row that nobody answers; with the pauses between them half a minute.
_MOST_FAILURES = 18
_ENDED = (SUCCEEDED, FAILED, CANCELLED)


async def import_file(atalaya: Atalaya, path: Path, options: ImportDataRequest) -> str:
    """Streams a file and gives the id of its job; `options` says what the rows are, as in the rpc ImportData."""
    # Before the call, of which nothing but that it was cancelled would be told.
    file = await asyncio.to_thread(path.open, "rb")
    try:
        reply = await atalaya.data.ImportData(_messages(file, options))
    finally:
        await asyncio.to_thread(file.close)
    return reply.job_id


async def _messages(file: BinaryIO, options: ImportDataRequest) -> AsyncIterator[ImportDataRequest]:
    message = ImportDataRequest()
    message.CopyFrom(options)
    message.file.CopyFrom(HttpBody(content_type="text/csv", data=await asyncio.to_thread(file.read, CHUNK_BYTES)))
    yield message
    while data := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield ImportDataRequest(file=HttpBody(data=data))


async def follow_job(
    atalaya: Atalaya, job_id: str, tell: Callable[[Job], None] = lambda job: None, pause_seconds: float = 0.5
) -> Job:
    """Asks for a job of ingest until it has ended, tells each answer, and gives the last.

    It goes on where nobody answers for half a minute, as while a service starts anew; then it raises Unavailable.
    """
    failures = 0
    while True:
        try:
            job = await atalaya.jobs.GetJob(GetIngestJobRequest(job_id=job_id))
        except ResourceExhausted as error:
            # The job goes on, so a minute's limit of calls is waited out; who has used up an hour's or a day's is told.
            if error.retry_after is None or error.retry_after > _LONGEST_WAIT_SECONDS:
                raise
            await asyncio.sleep(error.retry_after)
            continue
        except (Unavailable, DeadlineExceeded):
            failures += 1
            if failures > _MOST_FAILURES:
                raise
        else:
            failures = 0
            tell(job)
            if job.status in _ENDED:
                return job
        await asyncio.sleep(pause_seconds)
        # A job that takes long is not asked for so often that the limit of calls is reached.
        pause_seconds = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
