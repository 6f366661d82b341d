"""A file that lies in the tenant's own lake already, named by a URI in place of an upload."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from service_runtime.errors import InvalidArgument, NotFound, PayloadTooLarge, UnsupportedMediaType
from service_runtime.lake import Lake
from service_runtime.lake.lake import checked

from ingest_service.file_types import check_beginning, format_by_name
from ingest_service.upload import ReceivedFile

_LARGEST_BODY = 64 * 1024
_BEGINNING = 16
# What ingest itself keeps there: rows of accounts that the caller may not see may be in it.
_OWN_FOLDERS = frozenset({"imports", "exports", "social"})


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def read_source_uri(pieces: AsyncIterator[bytes]) -> str:
    """Reads the body `{"source_uri": …}`."""
    body = b""
    async for piece in pieces:
        body += piece
        if len(body) > _LARGEST_BODY:
            break
    try:
        said = json.loads(body[: _LARGEST_BODY + 1])
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or "source_uri" not in said:
        raise UnsupportedMediaType(
            "UNSUPPORTED_FILE_TYPE",
            'A body of application/json is {"source_uri": …}; send JSON Lines as application/x-ndjson.',
            type="application/json",
        )
    if set(said) != {"source_uri"} or not isinstance(said["source_uri"], str):
        raise InvalidArgument("BAD_SOURCE_URI", "The body has one text, source_uri; parameters stand in the query.")
    return str(said["source_uri"])


def path_in(lake: Lake, uri: str) -> str:
    """Gives the path of a URI in the lake. Only the lake's own URL with a plain path behind it is one."""
    own = lake.url if "://" in lake.url else f"file://{lake.url}"
    path = uri.removeprefix(f"{own}/")
    # No part of it is decoded, so an encoded way out is only a name with a forbidden letter.
    if path == uri or any(letter in path for letter in "%?#\\"):
        raise _forbidden()
    try:
        checked(path)
    except InvalidArgument as error:
        raise _forbidden() from error
    if path.partition("/")[0].casefold() in _OWN_FOLDERS:
        raise _forbidden()
    return path


async def fetch(lake: Lake, path: str, target: Path, largest: int) -> ReceivedFile:
    """Copies the file as if it had been sent."""
    if await asyncio.to_thread(lake.is_link, path):
        raise _forbidden()
    found = await asyncio.to_thread(lake.head, path)
    if found is None:
        raise NotFound("SOURCE_URI_NOT_FOUND", "There is no such file in your lake.")
    if found.size > largest:
        raise PayloadTooLarge("FILE_TOO_LARGE", f"The file has more than {largest} bytes.")
    try:
        await asyncio.to_thread(lake.fetch, path, target)
    except NotFound as error:
        raise NotFound("SOURCE_URI_NOT_FOUND", "There is no such file in your lake.") from error
    return await asyncio.to_thread(_received, target, path)


def _received(target: Path, path: str) -> ReceivedFile:
    with target.open("rb") as file:
        check_beginning(file.read(_BEGINNING))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ReceivedFile(target, target.stat().st_size, digest, format_by_name(path))


def _forbidden() -> InvalidArgument:
    return InvalidArgument(
        "SOURCE_URI_FORBIDDEN",
        "source_uri must name a file inside your own lake by its plain path, and not one that Atalaya keeps there.",
    )
