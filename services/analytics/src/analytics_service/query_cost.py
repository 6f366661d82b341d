"""What a query cost, told in the log and with the reply that it was run for."""

from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from service_runtime.request import current_request
from service_runtime.rest import set_reply_header

_log = structlog.stdlib.get_logger("analytics_service.queries")

BYTES_SCANNED = Counter("atalaya_query_scanned_bytes", "Bytes that paid queries have read.")
DOLLARS = Counter("atalaya_query_cost_dollars", "What paid queries have cost, by the price that is set.")

_TERABYTE, _MEGABYTE = 1024**4, 1024**2
# What Athena counts at least for a query that reads anything, in megabytes.
_LEAST_CHARGED = 10


@dataclass(frozen=True)
class QueryCost:
    """What one query read, took, and cost in dollars."""

    bytes_scanned: int
    engine_ms: int
    dollars: float


def price(bytes_scanned: int, per_terabyte: float) -> float:
    """The dollars for so many bytes: whole megabytes, ten at least; nothing where nothing was read."""
    if not bytes_scanned:
        return 0.0
    megabytes = max(_LEAST_CHARGED, -(-bytes_scanned // _MEGABYTE))
    return megabytes * _MEGABYTE / _TERABYTE * per_terabyte


def tell(cost: QueryCost, **facts: object) -> None:
    """Logs the cost, counts it, and adds it to the headers of the reply; an answer that is kept costs nothing."""
    _log.info(
        "query", bytes_scanned=cost.bytes_scanned, engine_ms=cost.engine_ms, dollars=round(cost.dollars, 9), **facts
    )
    BYTES_SCANNED.inc(cost.bytes_scanned)
    DOLLARS.inc(cost.dollars)
    _add("x-query-bytes-scanned", cost.bytes_scanned)
    _add("x-query-engine-ms", cost.engine_ms)
    _add("x-query-cost-usd", cost.dollars)


def _add(header: str, amount: float) -> None:
    request = current_request.get()
    if request is None:
        return
    total = float(request.headers.get(header, 0)) + amount
    set_reply_header(header, f"{total:.9f}" if isinstance(amount, float) else str(int(total)))
