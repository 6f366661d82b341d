"""OpenTelemetry spans to a file of JSON lines or to an OTLP receiver; none of its weight where neither is set."""

from opentelemetry import trace

from service_runtime.config import RuntimeSettings


def set_up_traces(settings: RuntimeSettings, name: str) -> None:
    """Starts to collect spans where the settings name a place for them."""
    if not settings.traces_file and not settings.otel_exporter_otlp_endpoint:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    if settings.traces_file:
        from service_runtime.telemetry.span_file import SpanFile

        provider.add_span_processor(BatchSpanProcessor(SpanFile(settings.traces_file)))
    if settings.otel_exporter_otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        plain = settings.otel_exporter_otlp_endpoint.startswith("http://")
        exporter = OTLPSpanExporter(endpoint=settings.otel_exporter_otlp_endpoint, insecure=plain)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def shut_down_traces() -> None:
    """Writes the spans that still wait."""
    shut_down = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shut_down is not None:
        shut_down()
