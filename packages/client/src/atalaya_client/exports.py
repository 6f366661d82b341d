"""Exports: asks for one, and downloads its file, going on where a connection was lost."""

import asyncio
import hashlib
from pathlib import Path

from atalaya.ingest.v1.exports_pb2 import CreateExportRequest, DownloadExportRequest
from atalaya.jobs.v1.job_pb2 import Job
from service_runtime.errors import DeadlineExceeded, Internal, Unavailable

from atalaya_client.connection import Atalaya

_ATTEMPTS = 5


async def create_export(atalaya: Atalaya, options: CreateExportRequest) -> str:
    """Asks for an export and gives the id of its job, to be followed by `follow_job`."""
    return (await atalaya.exports.CreateExport(options)).job_id


async def download_export(atalaya: Atalaya, job: Job, target: Path, pause_seconds: float = 1) -> None:
    """Brings the file of a finished export; what an interrupted download of the same file has left is not sent again.

    The file appears whole or not at all: its hash is that which the job tells.
    """
    size, sha256 = int(job.details["bytes"]), job.details["sha256"]
    part = target.with_name(f".{target.name}.{sha256[:16]}.part")
    await asyncio.to_thread(part.touch)
    failures = 0
    while (have := (await asyncio.to_thread(part.stat)).st_size) < size:
        try:
            await _take(atalaya, job.job_id, part, have)
        except (Unavailable, DeadlineExceeded, Internal):
            now = (await asyncio.to_thread(part.stat)).st_size
            failures = 1 if now > have else failures + 1
            if failures >= _ATTEMPTS:
                raise
            await asyncio.sleep(pause_seconds)
    if await asyncio.to_thread(_sha256, part) != sha256:
        await asyncio.to_thread(part.unlink)
        raise ValueError("The file that came is not the one that the job tells of; download it again.")
    await asyncio.to_thread(part.replace, target)


async def _take(atalaya: Atalaya, job_id: str, part: Path, have: int) -> None:
    """Adds what is missing, as far as it comes."""
    request = DownloadExportRequest(job_id=job_id, range=f"bytes={have}-")
    file = await asyncio.to_thread(part.open, "ab")
    try:
        async for piece in atalaya.exports.DownloadExport(request):
            await asyncio.to_thread(file.write, piece.data)
    finally:
        await asyncio.to_thread(file.close)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
