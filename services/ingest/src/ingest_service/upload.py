"""Takes the bytes of a file as they stream in: to the spool, hashed, and never more of them in memory than a piece."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from service_runtime.errors import InvalidArgument, PayloadTooLarge, Unavailable
from service_runtime.full_disk import FULL

from ingest_service.file_types import check_beginning, check_content_type
from ingest_service.multipart import MultipartFile, boundary_of

_PIECE = 1 << 20
_BEGINNING = 16


@dataclass(frozen=True)
class ReceivedFile:
    """A file in the spool; `format` is what its sender says it is, empty where its bytes have to tell."""

    path: Path
    size: int
    sha256: str
    format: str = ""


async def receive(content_type: str, pieces: AsyncIterator[bytes], target: Path, largest: int) -> ReceivedFile:
    """Writes a body's file to `target`; raises as soon as it is seen to be none that can be imported."""
    boundary = boundary_of(content_type)
    said = check_content_type(content_type) if not boundary else ""
    multipart = MultipartFile(boundary) if boundary else None
    digest = hashlib.sha256()
    size, held, begun = 0, bytearray(), False
    try:
        with target.open("wb") as file:

            def keep(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            async for piece in pieces:
                held += multipart.feed(piece) if multipart else piece
                if not begun and len(held) >= _BEGINNING:
                    begun = True
                    check_beginning(bytes(held[:_BEGINNING]))
                if len(held) >= _PIECE:
                    size += len(held)
                    if size > largest:
                        raise PayloadTooLarge("FILE_TOO_LARGE", f"The file has more than {largest} bytes.")
                    await asyncio.to_thread(keep, bytes(held))
                    held.clear()
            if multipart:
                _check_whole(multipart)
            if not size:
                check_beginning(bytes(held[:_BEGINNING]))
            size += len(held)
            await asyncio.to_thread(keep, bytes(held))
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise Unavailable("SPOOL_FULL", "There is no room for the file at the moment.", retry_after=60) from error
    return ReceivedFile(target, size, digest.hexdigest(), multipart.format if multipart else said)


def _check_whole(multipart: MultipartFile) -> None:
    if not multipart.ended:
        raise InvalidArgument("BAD_MULTIPART", "The multipart body ends before its last boundary.")
    if not multipart.files:
        raise InvalidArgument("NO_FILE", "The multipart body has no part with a file name.")
