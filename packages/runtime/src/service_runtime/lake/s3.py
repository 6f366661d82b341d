"""A lake on S3 or a service like it."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from service_runtime.config import RuntimeSettings
from service_runtime.errors import NotFound
from service_runtime.lake.lake import Lake, StoredObject, changed, checked, checked_prefix
from service_runtime.lake.s3_failures import REDIRECTIONS, BrokenBody, failures, unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The largest object that is put by one call.
_LARGEST_PIECE = 5 * 1024**3
# As many as one call takes.
_DELETED_AT_ONCE = 1000
# How often a request is repeated, after pauses that grow and vary.
_RETRIES = 4
# How often an object is asked for whose body broke off.
_BODIES = 3
# Read at once: little at first and from a slow body, so that one that trickles in is noticed.
_SMALLEST_PIECE, _LARGEST_READ = 4 * 1024, 128 * 1024
# A body that has come slower than that after so many seconds is given up: it would hold a thread for hours.
_SLOWEST_BYTES_PER_SECOND, _PATIENCE_SECONDS = 20_000, 10.0


class S3Lake(Lake):
    """Objects are keys below one prefix of a bucket; a put is atomic by itself."""

    def __init__(self, settings: RuntimeSettings, bucket: str, root: str) -> None:
        self._client: S3Client = _client(
            settings.aws_endpoint_url,
            settings.aws_default_region,
            settings.aws_access_key_id,
            settings.aws_secret_access_key,
            settings.aws_session_token,
            settings.lake_silence_seconds,
        )
        self._bucket = bucket
        self._root = root
        self.url = f"s3://{bucket}/{root}"
        self.storage_options = _storage_options(settings)

    def list(self, prefix: str) -> list[StoredObject]:
        start = f"{self._root}/{checked_prefix(prefix)}"
        with failures():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            found = [self._object(item["Key"], item) for page in pages for item in page.get("Contents", [])]
        return sorted(found, key=lambda item: item.path)

    def head(self, path: str) -> StoredObject | None:
        key = self._key(path)
        try:
            with failures():
                return self._object(key, self._client.head_object(Bucket=self._bucket, Key=key))
        except NotFound:
            return None

    def read_bytes(self, path: str) -> bytes:
        with failures(path):
            return self._client.get_object(Bucket=self._bucket, Key=self._key(path))["Body"].read()

    def read_range(self, path: str, start: int, size: int) -> bytes:
        part = f"bytes={start}-{start + size - 1}"
        with failures(path):
            return self._client.get_object(Bucket=self._bucket, Key=self._key(path), Range=part)["Body"].read()

    def fetch(self, path: str, target: Path) -> StoredObject:
        key = self._key(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".unfinished-{uuid4().hex}")
        try:
            for _ in range(_BODIES - 1):
                with suppress(BrokenBody):
                    found = self._copy(key, path, unfinished)
                    break
                time.sleep(random.uniform(0.05, 0.5))  # noqa: S311
            else:
                found = self._copy(key, path, unfinished)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return found

    def _copy(self, key: str, path: str, target: Path) -> StoredObject:
        with failures(path), target.open("wb") as file:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with failures(path, in_body=True):
                _write_unless_slow(answer["Body"].read, file)
        return self._object(key, answer)

    def put_file(self, source: Path, path: str) -> StoredObject:
        with failures():
            self._client.upload_file(str(source), self._bucket, self._key(path))
        return self._stored(path)

    def put_over(self, source: Path, path: str, seen: StoredObject | None) -> StoredObject:
        if source.stat().st_size > _LARGEST_PIECE:
            # S3 takes no condition with the parts of a file; the look before is what there is.
            found = self.head(path)
            if (found and found.etag) != (seen and seen.etag):
                raise changed(path)
            return self.put_file(source, path)
        condition: Any = {"IfMatch": f'"{seen.etag}"'} if seen is not None else {"IfNoneMatch": "*"}
        try:
            with failures(path), source.open("rb") as data:
                self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=data, **condition)
        except NotFound as error:
            raise changed(path) from error
        return self._stored(path)

    def put_bytes(self, data: bytes, path: str) -> StoredObject:
        with failures():
            self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=data)
        return self._stored(path)

    def delete(self, path: str) -> None:
        with failures():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def delete_below(self, prefix: str) -> int:
        start, found = f"{self._root}/{checked_prefix(prefix)}", 0
        with failures():
            uploads = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=start)
            for upload in (upload for page in uploads for upload in page.get("Uploads", [])):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            while versions := self._versions(start):
                names: Any = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
                deleted = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})
                if deleted.get("Errors"):
                    raise unavailable()
                found += sum("Size" in version for version in versions)
        return found

    def _versions(self, start: str) -> Sequence[Any]:
        """Gives some of what is stored: where versions are kept, those of deleted objects and their markers too."""
        page = self._client.list_object_versions(Bucket=self._bucket, Prefix=start, MaxKeys=_DELETED_AT_ONCE)
        return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]

    def _stored(self, path: str) -> StoredObject:
        stored = self.head(path)
        if stored is None:
            raise unavailable()
        return stored

    def _key(self, path: str) -> str:
        return f"{self._root}/{checked(path)}"

    def _object(self, key: str, facts: Any) -> StoredObject:
        try:
            return StoredObject(
                path=key.removeprefix(f"{self._root}/"),
                size=facts["Size"] if "Size" in facts else facts["ContentLength"],
                etag=facts["ETag"].strip('"'),
                modified=facts["LastModified"],
            )
        except KeyError as error:
            raise unavailable("answers what makes no sense", "Malformed") from error


def _write_unless_slow(read: Callable[[int], bytes], file: BinaryIO) -> None:
    started, size, at_once = time.monotonic(), 0, _SMALLEST_PIECE
    while piece := read(at_once):
        size += file.write(piece)
        seconds = time.monotonic() - started
        if seconds > _PATIENCE_SECONDS and size < seconds * _SLOWEST_BYTES_PER_SECOND:
            raise unavailable("is too slow", "Slow")
        # What comes in a second, as it has come so far.
        at_once = min(max(int(size / max(seconds, 0.001)), _SMALLEST_PIECE), _LARGEST_READ)


@lru_cache(64)
def _client(endpoint: str, region: str, key: str, secret: str, token: str, silence: float) -> "S3Client":
    """The client for whoever has the same keys: each takes megabytes, and a process serves many tenants."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=key or None,
        aws_secret_access_key=secret or None,
        aws_session_token=token or None,
        config=Config(
            connect_timeout=3,
            read_timeout=silence,
            max_pool_connections=32,
            retries={"total_max_attempts": 1 + _RETRIES, "mode": "standard"},
        ),
    )
    client.meta.events.register_first("needs-retry.s3.HeadBucket", _end_here)
    return client


def _end_here(response: Any, **_: object) -> None:
    """Ends where the library asks for a bucket's region and is sent elsewhere: it would ask for the region again."""
    # None where no answer came.
    if response is not None and response[0].status_code in REDIRECTIONS:
        raise ClientError(response[1], "HeadBucket")


def _storage_options(settings: RuntimeSettings) -> dict[str, str]:
    # Two writers of a Delta table meet on S3's own conditional put. Whoever waits for a table has a deadline, and jobs
    # are tried again anyway, so a request is not repeated as often as by default.
    options = {"aws_region": settings.aws_default_region, "aws_conditional_put": "etag", "max_retries": str(_RETRIES)}
    if settings.aws_endpoint_url:
        options["aws_endpoint"] = settings.aws_endpoint_url
        options["aws_allow_http"] = str(settings.aws_endpoint_url.startswith("http://")).lower()
    for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
        if value := getattr(settings, name):
            options[name] = value
    return options
