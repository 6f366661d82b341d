"""How a reply looks over REST: initial metadata that the gateway turns into status, headers and error body."""

import base64
import json

from service_runtime.errors import RangeNotSatisfiable, ServiceError, Unauthenticated, Unprocessable, Violation
from service_runtime.request import Request, current_request

Metadata = tuple[tuple[str, str], ...]
Place = tuple[str, ...]

# Of these RFC 6750 wants to hear that there was a token, which does not hold.
_BAD_TOKEN = frozenset({"TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "BAD_API_KEY"})

MOST_VIOLATIONS = 20
# Envoy and gRPC refuse metadata over 8 to 16 KiB; base64 adds a third.
MOST_BODY_BYTES = 4096


def set_success_status(status: int) -> None:
    """Sets this reply's HTTP status over REST, such as 202; without effect for gRPC callers."""
    request = current_request.get()
    if request is not None:
        request.success_status = status


def set_reply_header(name: str, value: str) -> None:
    """Adds a header (initial metadata) to this reply, such as content-disposition; before the first reply goes out."""
    request = current_request.get()
    if request is not None:
        request.headers[name.lower()] = value


def success_metadata(request: Request) -> Metadata:
    """Gives the initial metadata of a good reply; empty where there is nothing to say."""
    headers = {**request.limit_headers, **request.headers}
    if request.over_rest and request.success_status != 200:
        headers["x-http-status"] = str(request.success_status)
    return tuple(headers.items())


def error_metadata(request: Request, error: ServiceError) -> Metadata:
    """Gives the initial metadata of an error: over REST all that makes the reply, else how the limits stand."""
    headers = dict(request.limit_headers)
    if not request.over_rest:
        return tuple(headers.items())
    headers |= {"x-http-status": str(error.http_status), "x-error-body": _encoded_body(request, error)}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, RangeNotSatisfiable):
        headers["content-range"] = f"bytes */{error.size}"
    if isinstance(error, Unauthenticated):
        bad = error.reason in _BAD_TOKEN
        headers["www-authenticate"] = 'Bearer realm="atalaya"' + (', error="invalid_token"' if bad else "")
    return tuple(headers.items())


def _encoded_body(request: Request, error: ServiceError) -> str:
    violations = error.violations[:MOST_VIOLATIONS] if isinstance(error, Unprocessable) else []
    while True:
        detail = (
            [_entry(violation) for violation in violations] if violations else error.message[: MOST_BODY_BYTES // 2]
        )
        body = {"detail": detail, "code": error.reason, "request_id": request.request_id}
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if len(data) <= MOST_BODY_BYTES or not violations:
            return base64.b64encode(data).decode()
        violations = violations[:-1]


def _entry(violation: Violation) -> dict[str, object]:
    return {"loc": list(violation.loc), "msg": violation.msg[:300], "type": violation.type}
