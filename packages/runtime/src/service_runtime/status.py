"""Errors on the wire: service errors become gRPC statuses with details (AIP-193) and back again."""

from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from service_runtime import errors
from service_runtime.errors import DOMAIN, ServiceError, Unprocessable, Violation
from service_runtime.rest import MOST_VIOLATIONS

# gRPC clients refuse trailers over 8 KiB, and then nobody learns what was wrong.
MOST_MESSAGE_BYTES, MOST_VALUE_BYTES, MOST_VIOLATION_BYTES = 1500, 300, 2000

# The class of an error that comes with nothing but its code.
_BY_CODE: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Conflict,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
}
# Several classes share a code; these say which they are in the details.
_BY_STATUS: dict[str, type[ServiceError]] = {
    "413": errors.PayloadTooLarge,
    "415": errors.UnsupportedMediaType,
    "416": errors.RangeNotSatisfiable,
    "422": errors.Unprocessable,
}


def to_status(error: ServiceError) -> Any:
    """Makes the status with its details that `abort_with_status` takes."""
    metadata = {name: _cut(value, MOST_VALUE_BYTES) for name, value in error.metadata.items()}
    if str(error.http_status) in _BY_STATUS:
        metadata["http_status"] = str(error.http_status)
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)]
    if isinstance(error, Unprocessable) and error.violations:
        details.append(_bad_request(error.violations))
    if error.retry_after is not None:
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=error.retry_after)))
    message = _cut(error.message, MOST_MESSAGE_BYTES)
    return rpc_status.to_status(
        status_pb2.Status(code=error.grpc_code.value[0], message=message, details=[_packed(d) for d in details])
    )


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """Makes the error that the other service raised; one without details gets its code's name as the reason."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    details = {item.TypeName(): item for item in status.details} if status is not None else {}
    info, retry, bad_request = (
        _unpacked(details, kind)
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo, error_details_pb2.BadRequest)
    )
    metadata = dict(info.metadata)
    kind = _BY_STATUS.get(metadata.pop("http_status", ""), _BY_CODE.get(error.code(), errors.Internal))
    message = error.details() or "The call failed."
    restored = kind(info.reason or error.code().name, message)
    restored.metadata = metadata
    if retry.HasField("retry_delay"):
        restored.retry_after = retry.retry_delay.seconds
    if isinstance(restored, Unprocessable):
        restored.violations = [
            Violation(tuple(v.field.split(".")), v.description, v.reason) for v in bad_request.field_violations
        ]
    return restored


def _bad_request(violations: list[Violation]) -> Any:
    request = error_details_pb2.BadRequest()
    for violation in violations[:MOST_VIOLATIONS]:
        text = _cut(violation.msg, MOST_VALUE_BYTES)
        request.field_violations.add(field=".".join(violation.loc), description=text, reason=violation.type)
        if request.ByteSize() > MOST_VIOLATION_BYTES:
            break
    return request


def _cut(text: str, most_bytes: int) -> str:
    """Cuts a text to what a header may hold, in which gRPC writes each byte that is not ASCII as three."""
    while len(quote(text)) > most_bytes:
        text = text[: len(text) * 3 // 4]
    return text


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _unpacked(details: dict[str, any_pb2.Any], kind: Any) -> Any:
    message = kind()
    packed = details.get(message.DESCRIPTOR.full_name)
    if packed is not None:
        packed.Unpack(message)
    return message
