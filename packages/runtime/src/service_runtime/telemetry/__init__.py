"""Logs, metrics and traces, the same in every service."""

from service_runtime.telemetry.setup import setup as setup
from service_runtime.telemetry.setup import shut_down as shut_down
