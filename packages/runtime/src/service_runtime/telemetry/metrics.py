"""Prometheus counters and histograms of calls and jobs, and their page."""

from prometheus_client import Counter, Histogram, start_http_server

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

CALLS = Counter("atalaya_rpc", "Calls that ended.", ["method", "code"])
CALL_SECONDS = Histogram("atalaya_rpc_seconds", "How long calls took.", ["method"], buckets=_SECONDS)
JOBS = Counter("atalaya_jobs", "Attempts at jobs that ended.", ["kind", "outcome"])
JOB_SECONDS = Histogram(
    "atalaya_job_seconds", "How long attempts at jobs took.", ["kind"], buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
)


def serve_metrics(address: str) -> None:
    """Serves the page at host:port from a thread of its own; nothing where the address is empty."""
    if address:
        host, _, port = address.rpartition(":")
        start_http_server(int(port), addr=host.strip("[]"))
