"""What analytics counts of itself, on the Prometheus page beside the calls of every service."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram
from service_runtime.errors import ServiceError

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REPORT_SECONDS = Histogram(
    "atalaya_report_seconds",
    "How long answers to reports took; the outcome is kept, computed, or the reason of an error.",
    ["report", "outcome"],
    buckets=_SECONDS,
)
_ANSWERS = Counter("atalaya_answers", "Reports asked for whose answer was kept (hit) or not (miss).", ["result"])
ANSWERS_KEPT, ANSWERS_MISSED = _ANSWERS.labels("hit"), _ANSWERS.labels("miss")
ANSWER_BYTES = Gauge("atalaya_answers_kept_bytes", "Size of the answers kept in memory.")
TABLES = Counter("atalaya_tables", "Files asked for whose typed table was kept (hit) or not (miss).", ["result"])
TABLE_BYTES = Gauge("atalaya_tables_kept_bytes", "Size of the typed tables kept on this disk.")
PARSE_SECONDS = Histogram(
    "atalaya_parse_seconds", "How long it took to fetch a file and make its typed table.", ["dataset"], buckets=_SECONDS
)
FETCHED_BYTES = Counter("atalaya_lake_fetched_bytes", "Bytes fetched from the lake.")
LISTINGS = Counter("atalaya_lake_listings", "Listings of the lake that were asked for, and those made.", ["what"])
LAKE_FAILURES = Counter("atalaya_lake_failures", "Requests to the lake that failed, by cause.", ["cause"])
WAIT_SECONDS = Histogram("atalaya_turn_wait_seconds", "How long work waited for its turn.", ["kind"], buckets=_SECONDS)


class Outcome:
    """How the answer to a report came about."""

    value = "computed"


@contextmanager
def observed(report: str) -> Iterator[Outcome]:
    """Times the answer to a report by its outcome; a caller who left counts as such."""
    outcome, started = Outcome(), perf_counter()
    try:
        yield outcome
    except ServiceError as error:
        outcome.value = error.reason
        raise
    except Exception:
        outcome.value = "INTERNAL"
        raise
    except BaseException:
        outcome.value = "CANCELLED"
        raise
    finally:
        _report_seconds(report, outcome.value).observe(perf_counter() - started)


# As many as there are reports and outcomes, which are few; to look for its labels costs more than to observe.
@lru_cache(1024)
def _report_seconds(report: str, outcome: str) -> Histogram:
    return REPORT_SECONDS.labels(report, outcome)
