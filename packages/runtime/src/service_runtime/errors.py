"""What can go wrong in a service: each error has a gRPC code, an HTTP status, a stable reason and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import grpc

DOMAIN = "atalaya"


@dataclass(frozen=True)
class Violation:
    """One broken limit of the contract: where (`("months",)`), what, and the rule's id."""

    loc: tuple[str, ...]
    msg: str
    type: str


class ServiceError(Exception):
    """An error meant for the caller: `reason` for programs, `message` for people, `metadata` with its variables."""

    grpc_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    retry_after: int | None = None

    def __init__(self, reason: str, message: str, **metadata: object) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.metadata = {name: str(value) for name, value in metadata.items()}

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class InvalidArgument(ServiceError):
    """A rule of the domain is broken by what the caller sent."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 400


class UnsupportedMediaType(ServiceError):
    """The body is of a type that the rpc does not take."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 415


class Unprocessable(ServiceError):
    """A limit of the contract is broken, or a file lacks what it must have; `violations` lists where, if known."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 422

    def __init__(self, reason: str, message: str, *, violations: Sequence[Violation] = (), **metadata: object) -> None:
        super().__init__(reason, message, **metadata)
        self.violations = list(violations)


class Unauthenticated(ServiceError):
    """There is no token, or it does not hold."""

    grpc_code = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401


class PermissionDenied(ServiceError):
    """The caller is known and may not do this."""

    grpc_code = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403


class NotFound(ServiceError):
    """There is no such thing in the caller's tenant."""

    grpc_code = grpc.StatusCode.NOT_FOUND
    http_status = 404


class AlreadyExists(ServiceError):
    """What was to be made is there already."""

    grpc_code = grpc.StatusCode.ALREADY_EXISTS
    http_status = 409


class Conflict(ServiceError):
    """The present state does not allow it."""

    grpc_code = grpc.StatusCode.ABORTED
    http_status = 409


class PayloadTooLarge(ServiceError):
    """The body is over the limit."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 413


class RangeNotSatisfiable(ServiceError):
    """A part was asked for that the thing of so many bytes has not."""

    grpc_code = grpc.StatusCode.OUT_OF_RANGE
    http_status = 416

    def __init__(self, reason: str, message: str, size: int = 0, **metadata: object) -> None:
        super().__init__(reason, message, **metadata)
        self.size = size


class _Later(ServiceError):
    def __init__(self, reason: str, message: str, *, retry_after: int | None = None, **metadata: object) -> None:
        super().__init__(reason, message, **metadata)
        self.retry_after = retry_after


class ResourceExhausted(_Later):
    """A limit of calls or of capacity is reached; `retry_after` says in seconds when to come again."""

    grpc_code = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429


class Unavailable(_Later):
    """Something behind the service is away; `retry_after` says in seconds when to come again."""

    grpc_code = grpc.StatusCode.UNAVAILABLE
    http_status = 503


class Unimplemented(ServiceError):
    """The contract has this rpc, the service does not."""

    grpc_code = grpc.StatusCode.UNIMPLEMENTED
    http_status = 501


class DeadlineExceeded(ServiceError):
    """The time for the answer is over."""

    grpc_code = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 504


class Internal(ServiceError):
    """The unforeseen; its text tells nothing about the inside."""

    grpc_code = grpc.StatusCode.INTERNAL
    http_status = 500
