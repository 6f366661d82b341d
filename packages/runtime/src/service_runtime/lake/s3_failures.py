"""What S3 does instead of answering, as errors that say the reason and nothing of keys, hosts or buckets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake.lake import changed

# A code of S3's own, as in its documentation; anything else is not passed on.
_CODE = re.compile(r"[A-Za-z]{1,40}")
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable"})
REDIRECTIONS = frozenset({301, 302, 307, 308})
# The first that fits counts.
_BROKEN = (
    (ReadTimeoutError, "does not answer in time", "Timeout"),
    (ConnectTimeoutError, "does not answer in time", "Timeout"),
    (FlexibleChecksumError, "gave an object that is not what it says", "Checksum"),
    (IncompleteReadError, "broke off in the middle of an object", "Truncated"),
    (ResponseStreamingError, "broke off in the middle of an object", "Truncated"),
    (NoCredentialsError, "has no keys: AWS_ACCESS_KEY_ID is not set", "NoCredentials"),
    (PartialCredentialsError, "has only half of its keys", "NoCredentials"),
    (EndpointConnectionError, "cannot be reached", "Unreachable"),
    (HTTPClientError, "cannot be reached", "Unreachable"),
)
_IN_BODY = (ReadTimeoutError, FlexibleChecksumError, IncompleteReadError, ResponseStreamingError)
# Who is refused is refused again until somebody changes something.
_REFUSED_SECONDS, _AWAY_SECONDS = 60, 5


class BrokenBody(Unavailable):
    """An object began to come and did not come whole; asking again may help."""


@contextmanager
def failures(path: str = "", *, in_body: bool = False) -> Iterator[None]:
    """Raises our errors in place of the library's: OBJECT_NOT_FOUND, LAKE_OBJECT_CHANGED, else LAKE_UNAVAILABLE."""
    try:
        yield
    except ClientError as error:
        raise _told(error, path) from error
    except (BotoCoreError, S3UploadFailedError) as error:
        why, cause = next(
            ((why, cause) for kind, why, cause in _BROKEN if isinstance(error, kind)), ("is not available", "Unknown")
        )
        if in_body and isinstance(error, _IN_BODY):
            raise BrokenBody("LAKE_UNAVAILABLE", _sentence(why), retry_after=_AWAY_SECONDS, cause=cause) from error
        raise unavailable(why, cause) from error


def unavailable(why: str = "is not available", cause: str = "Unknown", retry_after: int = _AWAY_SECONDS) -> Unavailable:
    """The error of a lake that is away; `cause` is a word for programs."""
    return Unavailable("LAKE_UNAVAILABLE", _sentence(why), retry_after=retry_after, cause=cause)


def _sentence(why: str) -> str:
    return f"The lake {why} at the moment." if why == "is not available" else f"The lake {why}."


def _told(error: ClientError, path: str) -> NotFound | Unavailable:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    cause = code if _CODE.fullmatch(code) else f"{status}"
    if code in ("PreconditionFailed", "ConditionalRequestConflict"):
        return changed(path)
    if code in ("404", "NoSuchKey"):
        return NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
    if code == "NoSuchBucket":
        return unavailable("has no bucket of that name", cause, _REFUSED_SECONDS)
    if code in _BUSY:
        return unavailable(f"asks to be asked less often ({cause})", cause)
    if status in (401, 403):
        why = f"refuses access ({cause}): its keys or the policy of its bucket have to be changed"
        return unavailable(why, cause, _REFUSED_SECONDS)
    if status in REDIRECTIONS:
        why = f"is elsewhere ({cause}): AWS_ENDPOINT_URL or AWS_DEFAULT_REGION has to be changed"
        return unavailable(why, cause, _REFUSED_SECONDS)
    return unavailable(f"fails ({cause})", cause)
