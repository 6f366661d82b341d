"""Turns telemetry on as the settings say."""

from service_runtime.config import RuntimeSettings
from service_runtime.telemetry.logs import set_up_logs
from service_runtime.telemetry.metrics import serve_metrics
from service_runtime.telemetry.traces import set_up_traces, shut_down_traces


def setup(settings: RuntimeSettings, name: str) -> None:
    """Sets up logs, traces and the metrics page of a process; `name` is the service's."""
    set_up_logs(name, settings.log_level)
    set_up_traces(settings, name)
    serve_metrics(settings.metrics_address)


def shut_down() -> None:
    """Writes the spans that still wait."""
    shut_down_traces()
