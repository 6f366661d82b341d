"""A lake on S3 or a service like it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from service_runtime.config import RuntimeSettings
from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake.lake import Lake, StoredObject, changed, checked, checked_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The largest object that is put by one call.
_LARGEST_PIECE = 5 * 1024**3
# As many as one call takes.
_DELETED_AT_ONCE = 1000
# How often a request is repeated, after pauses that grow and vary.
_RETRIES = 4


class S3Lake(Lake):
    """Objects are keys below one prefix of a bucket; a put is atomic by itself."""

    def __init__(self, settings: RuntimeSettings, bucket: str, root: str) -> None:
        self._client: S3Client = _client(settings)
        self._bucket = bucket
        self._root = root
        self.url = f"s3://{bucket}/{root}"
        self.storage_options = _storage_options(settings)

    def list(self, prefix: str) -> list[StoredObject]:
        start = f"{self._root}/{checked_prefix(prefix)}"
        with _failures():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            found = [self._object(item["Key"], item) for page in pages for item in page.get("Contents", [])]
        return sorted(found, key=lambda item: item.path)

    def head(self, path: str) -> StoredObject | None:
        key = self._key(path)
        try:
            with _failures():
                return self._object(key, self._client.head_object(Bucket=self._bucket, Key=key))
        except NotFound:
            return None

    def read_bytes(self, path: str) -> bytes:
        with _failures(path):
            return self._client.get_object(Bucket=self._bucket, Key=self._key(path))["Body"].read()

    def read_range(self, path: str, start: int, size: int) -> bytes:
        part = f"bytes={start}-{start + size - 1}"
        with _failures(path):
            return self._client.get_object(Bucket=self._bucket, Key=self._key(path), Range=part)["Body"].read()

    def fetch(self, path: str, target: Path) -> StoredObject:
        key = self._key(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".unfinished-{uuid4().hex}")
        try:
            with _failures(path), unfinished.open("xb") as file:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
                for chunk in answer["Body"].iter_chunks(1024 * 1024):
                    file.write(chunk)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return self._object(key, answer)

    def put_file(self, source: Path, path: str) -> StoredObject:
        with _failures():
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
            with _failures(path), source.open("rb") as data:
                self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=data, **condition)
        except NotFound as error:
            raise changed(path) from error
        return self._stored(path)

    def put_bytes(self, data: bytes, path: str) -> StoredObject:
        with _failures():
            self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=data)
        return self._stored(path)

    def delete(self, path: str) -> None:
        with _failures():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def delete_below(self, prefix: str) -> int:
        start, found = f"{self._root}/{checked_prefix(prefix)}", 0
        with _failures():
            uploads = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=start)
            for upload in (upload for page in uploads for upload in page.get("Uploads", [])):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            while versions := self._versions(start):
                names: Any = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
                deleted = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})
                if deleted.get("Errors"):
                    raise _unavailable()
                found += sum("Size" in version for version in versions)
        return found

    def _versions(self, start: str) -> Sequence[Any]:
        """Gives some of what is stored: where versions are kept, those of deleted objects and their markers too."""
        page = self._client.list_object_versions(Bucket=self._bucket, Prefix=start, MaxKeys=_DELETED_AT_ONCE)
        return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]

    def _stored(self, path: str) -> StoredObject:
        stored = self.head(path)
        if stored is None:
            raise _unavailable()
        return stored

    def _key(self, path: str) -> str:
        return f"{self._root}/{checked(path)}"

    def _object(self, key: str, facts: Any) -> StoredObject:
        size = facts["Size"] if "Size" in facts else facts["ContentLength"]
        return StoredObject(
            path=key.removeprefix(f"{self._root}/"),
            size=size,
            etag=facts["ETag"].strip('"'),
            modified=facts["LastModified"],
        )


def _client(settings: RuntimeSettings) -> "S3Client":
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=settings.aws_endpoint_url or None,
        region_name=settings.aws_default_region,
        aws_access_key_id=settings.aws_access_key_id or None,
        aws_secret_access_key=settings.aws_secret_access_key or None,
        aws_session_token=settings.aws_session_token or None,
        config=Config(
            connect_timeout=3, read_timeout=30, retries={"total_max_attempts": 1 + _RETRIES, "mode": "standard"}
        ),
    )
    return client


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


@contextmanager
def _failures(path: str = "") -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise changed(path) from error
        if code in ("404", "NoSuchKey"):
            raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path) from error
        raise _unavailable() from error
    except (BotoCoreError, S3UploadFailedError) as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5)
