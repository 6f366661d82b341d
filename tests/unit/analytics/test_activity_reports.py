"""The activity reports equal an independent computation from the specification, on clean and on dirty data."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from google.protobuf.message import Message
from support.activity_pattern_reference import activity_patterns, claims_payments_correlation
from support.activity_reference import claims, payments, transaction_audit
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files

Reference = Callable[..., dict[str, Any]]

REPORTS: dict[str, tuple[type[Message], Reference]] = {
    "GetClaimsReport": (pb.GetClaimsReportRequest, claims),
    "GetPaymentsReport": (pb.GetPaymentsReportRequest, payments),
    "GetTransactionAuditReport": (pb.GetTransactionAuditReportRequest, transaction_audit),
    "GetClaimsPaymentsCorrelation": (pb.GetClaimsPaymentsCorrelationRequest, claims_payments_correlation),
    "GetActivityPatterns": (pb.GetActivityPatternsRequest, activity_patterns),
}


async def ask(analytics: RunningAnalytics, report: str, **asked: Any) -> dict[str, Any]:
    request = REPORTS[report][0](**asked)
    return figures(await getattr(analytics.activity, report)(request, metadata=analytics.viewer))


def put_all(analytics: RunningAnalytics, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        analytics.put(path, content)
    return analytics.path("")


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, seed: int, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(seed, dirty=dirty))
    for report, (_, reference) in REPORTS.items():
        assert await ask(analytics, report) == reference(lake, NOW), report


@pytest.mark.parametrize("as_of", [datetime(2024, 6, 1, 5, 30, tzinfo=UTC), datetime(2023, 2, 28, 23, 59, tzinfo=UTC)])
async def test_a_given_as_of_ends_the_window(analytics: RunningAnalytics, as_of: datetime) -> None:
    lake = put_all(analytics, insurance_files(3, dirty=True))
    for report, (_, reference) in REPORTS.items():
        assert await ask(analytics, report, as_of=as_of.isoformat()) == reference(lake, NOW, as_of), report


@pytest.mark.parametrize("hours", [24, 167, 720])
async def test_a_window_of_hours_is_as_long_as_asked(analytics: RunningAnalytics, hours: int) -> None:
    lake = put_all(analytics, insurance_files(4, dirty=True))
    assert await ask(analytics, "GetActivityPatterns", hours=hours) == activity_patterns(lake, NOW, hours=hours)


async def test_empty_datasets_give_zeros_and_nothing_to_divide(analytics: RunningAnalytics) -> None:
    files = {path: data.splitlines()[0] + b"\n" for path, data in insurance_files(5).items()}
    lake = put_all(analytics, files)
    for report, (_, reference) in REPORTS.items():
        got = await ask(analytics, report)
        assert got == reference(lake, NOW), report
        assert got["as_of"] == NOW.replace(tzinfo=None)
