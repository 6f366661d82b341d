"""Watches one call: its span, its metrics, and its line in the log."""

import logging
import time
from functools import lru_cache
from types import TracebackType
from typing import Self

import grpc
import structlog
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Histogram

from service_runtime.errors import Internal, ServiceError
from service_runtime.identity import Identity
from service_runtime.request import Request
from service_runtime.telemetry.metrics import CALL_SECONDS, CALLS

_log = structlog.stdlib.get_logger("service_runtime.calls")
# A good call that took longer is worth a line.
SLOW_SECONDS = 1.0
_TOO_MANY = grpc.StatusCode.RESOURCE_EXHAUSTED.name
_tracer = trace.get_tracer("service_runtime")
# What a caller says beside its trace is not taken over.
_propagator = TraceContextTextMapPropagator()
# To ask it is a hundred times as quick as to tell structlog what nobody is to hear.
_listeners = logging.getLogger("service_runtime.calls")


class ObservedCall:
    """Observes one call for as long as it is entered, and what became of it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._started = time.perf_counter()
        parent = _propagator.extract(request.metadata)
        self._span = _tracer.start_span(request.method.lstrip("/"), context=parent, kind=SpanKind.SERVER)
        self._attributes = {"rpc.system": "grpc"}
        self.code = "OK"
        self.reason = ""

    def __enter__(self) -> Self:
        # Each call has its own task, so that this ends with it.
        context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            self.code = grpc.StatusCode.CANCELLED.name
        self._end(time.perf_counter() - self._started)

    def identify(self, identity: Identity | None) -> None:
        if identity is not None:
            self._attributes["atalaya.tenant_id"] = str(identity.tenant_id)

    def failed(self, error: ServiceError) -> ServiceError:
        """Notes how the call ended and gives the error back; logs the unforeseen with its trace, once."""
        self.code, self.reason = error.grpc_code.name, error.reason
        if isinstance(error, Internal):
            _log.error("call failed unforeseen", exc_info=error.__cause__ or error)
            self._span.record_exception(error.__cause__ or error)
        return error

    def aborted(self) -> None:
        """Notes that the servicer ended the call by itself."""
        self.code, self.reason = grpc.StatusCode.UNKNOWN.name, "ABORTED_BY_SERVICER"

    def _end(self, seconds: float) -> None:
        calls, call_seconds = _metrics(self._request.method, self.code)
        calls.inc()
        call_seconds.observe(seconds)
        # At once: each time takes a lock.
        self._span.set_attributes({**self._attributes, "rpc.grpc.status": self.code})
        if self.code != "OK":
            self._span.set_status(StatusCode.ERROR, self.reason)
        # Good calls are in the traces, the metrics and the gateway's own log; a line for each would cost a tenth of it.
        # What is refused for its number must cost least of all.
        quiet = (self.code == "OK" and seconds < SLOW_SECONDS) or self.code == _TOO_MANY
        if _listeners.isEnabledFor(logging.DEBUG if quiet else logging.INFO):
            tell, ms = _log.debug if quiet else _log.info, round(seconds * 1000, 1)
            tell("call", method=self._request.method, code=self.code, reason=self.reason or None, ms=ms)
        self._span.end()


# As many as there are rpcs and codes, which are few.
@lru_cache(4096)
def _metrics(method: str, code: str) -> tuple[Counter, Histogram]:
    return CALLS.labels(method, code), CALL_SECONDS.labels(method)
