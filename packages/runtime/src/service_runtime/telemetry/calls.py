"""Watches one call: its span, its metrics, and its line in the log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

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
    """What became of a call."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.code = "OK"
        self.reason = ""

    def identify(self, identity: Identity | None) -> None:
        if identity is not None:
            self._span.set_attribute("atalaya.tenant_id", str(identity.tenant_id))

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


class CallObserver:
    """Observes every call of a server."""

    @contextmanager
    def observe(self, request: Request) -> Iterator[ObservedCall]:
        started = time.perf_counter()
        parent = _propagator.extract(request.metadata)
        span = _tracer.start_span(request.method.lstrip("/"), context=parent, kind=SpanKind.SERVER)
        # Each call has its own task, so that this ends with it.
        context.attach(trace.set_span_in_context(span))
        call = ObservedCall(span)
        try:
            yield call
        except BaseException as error:
            if not isinstance(error, Exception):
                call.code = grpc.StatusCode.CANCELLED.name
            raise
        finally:
            self._end(request, call, span, time.perf_counter() - started)

    def _end(self, request: Request, call: ObservedCall, span: trace.Span, seconds: float) -> None:
        calls, call_seconds = _metrics(request.method, call.code)
        calls.inc()
        call_seconds.observe(seconds)
        span.set_attributes({"rpc.system": "grpc", "rpc.grpc.status": call.code})
        if call.code != "OK":
            span.set_status(StatusCode.ERROR, call.reason)
        # Good calls are in the traces, the metrics and the gateway's own log; a line for each would cost a tenth of it.
        # What is refused for its number must cost least of all.
        quiet = (call.code == "OK" and seconds < SLOW_SECONDS) or call.code == _TOO_MANY
        if _listeners.isEnabledFor(logging.DEBUG if quiet else logging.INFO):
            tell = _log.debug if quiet else _log.info
            tell("call", method=request.method, code=call.code, reason=call.reason or None, ms=round(seconds * 1000, 1))
        span.end()


# As many as there are rpcs and codes, which are few.
@lru_cache(4096)
def _metrics(method: str, code: str) -> tuple[Counter, Histogram]:
    return CALLS.labels(method, code), CALL_SECONDS.labels(method)
