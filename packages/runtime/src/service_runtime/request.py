"""The request that is being served: what the interceptor learned about it, for code that runs within it."""

import re
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass
class Request:
    """One call, from its metadata. `headers` wait until the first reply goes out."""

    method: str
    metadata: Mapping[str, str]
    request_id: str
    success_status: int = 200
    deadline: float | None = None
    # Proxies before the gateway whose word on where the call came from counts.
    trusted_hops: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    # How the caller stands with its limits; goes out with errors too.
    limit_headers: dict[str, str] = field(default_factory=dict)

    @property
    def over_rest(self) -> bool:
        return "x-envoy-original-path" in self.metadata

    @property
    def through_gateway(self) -> bool:
        """True where the call came from outside: the gateway sets this mark on all that it passes on."""
        return "x-through-gateway" in self.metadata

    @property
    def http_method(self) -> str:
        return self.metadata.get("x-envoy-original-method", "")

    @property
    def path(self) -> str:
        return self.metadata.get("x-envoy-original-path", "").partition("?")[0]

    def seconds_left(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


current_request: ContextVar[Request | None] = ContextVar("current_request", default=None)


def read_request(method: str, metadata: Iterable[tuple[str, str | bytes]] | None, *, trusted_hops: int = 0) -> Request:
    """Takes a call's text metadata and its request id, or makes one where the caller's cannot be trusted in logs."""
    texts = {key: value for key, value in metadata or () if isinstance(value, str)}
    given = texts.get("x-request-id", "")
    request_id = given if _SAFE_ID.fullmatch(given) else uuid4().hex
    return Request(method, texts, request_id, trusted_hops=trusted_hops)
