"""JSON logs on stderr with trace, request and tenant, and never a secret."""

import logging
import sys
from typing import Any

import structlog
from opentelemetry import trace

from service_runtime.identity import current_identity
from service_runtime.request import current_request

_SECRETS = ("password", "token", "secret", "authorization", "api_key", "cookie")


def set_up_logs(name: str, level: str) -> None:
    """Writes our own logs and those of libraries alike, as JSON lines."""
    shared = route_to_stdlib(name)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("procrastinate", "alembic", "botocore", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def route_to_stdlib(name: str) -> list[Any]:
    """Sends structlog's lines through the standard library's loggers and gives the steps that each line takes."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=()),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Origin(name),
        _hide_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return shared


class _Origin:
    """Adds which service, trace, request and tenant a line is about."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = self._name
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = trace.format_trace_id(span.trace_id)
        request = current_request.get()
        if request is not None:
            event.setdefault("request_id", request.request_id)
        identity = current_identity.get()
        if identity is not None:
            event.setdefault("tenant_id", str(identity.tenant_id))
        return event


def _hide_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for key in event:
        if any(word in key.lower() for word in _SECRETS):
            event[key] = "[hidden]"
    return event
