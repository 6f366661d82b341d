"""The reports over products, policies and coverages equal independent computations, on clean and on dirty data."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_policies_pb2 as pb
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files, without_columns
from support.policies_reference import coverage_overview, policy_overview, product_overview
from support.policy_money_reference import policy_trends, product_profitability
from support.running import refusal

PRODUCTS = "postgresql/products/products.csv"
POLICIES = "postgresql/policies/policies.csv"
COVERAGES = "postgresql/policy_coverage/policy_coverage.csv"
CLAIMS = "cassandra/reclamos/reclamos.csv"

REPORTS: dict[str, Callable[..., dict[str, Any]]] = {
    "GetProductOverview": product_overview,
    "GetPolicyOverview": policy_overview,
    "GetCoverageOverview": coverage_overview,
    "GetProductProfitability": product_profitability,
    "GetPolicyTrends": policy_trends,
}


async def ask(analytics: RunningAnalytics, rpc: str, **parameters: Any) -> dict[str, Any]:
    request = getattr(pb, f"{rpc}Request")(**parameters)
    return figures(await getattr(analytics.policies, rpc)(request, metadata=analytics.viewer))


def put_all(analytics: RunningAnalytics, files: dict[str, bytes]) -> Path:
    for path in (PRODUCTS, POLICIES, COVERAGES, CLAIMS):
        analytics.put(path, files[path])
    return analytics.path("")


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, seed: int, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(seed, dirty=dirty))
    for rpc, reference in REPORTS.items():
        assert await ask(analytics, rpc) == reference(lake, NOW), rpc


async def test_a_given_as_of_ends_the_window(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(5, dirty=True))
    for rpc, reference in REPORTS.items():
        got = await ask(analytics, rpc, as_of="2024-05-31T23:00:00-05:00")
        assert got == reference(lake, NOW, datetime(2024, 6, 1, 4, tzinfo=UTC)), rpc
        assert got["as_of"] == datetime(2024, 6, 1, 4), rpc  # noqa: DTZ001


async def test_trends_of_any_window_equal_the_reference(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(6, dirty=True))
    for months in (1, 2, 3, 4, 5, 6, 25, 36):
        got = await ask(analytics, "GetPolicyTrends", months=months)
        assert got == policy_trends(lake, NOW, months=months)
        assert len(got["monthly"]) == months


async def test_trends_before_all_policies_are_zeros(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(7))
    for as_of in (datetime(1970, 1, 1, tzinfo=UTC), datetime(3, 1, 31, tzinfo=UTC)):
        got = await ask(analytics, "GetPolicyTrends", as_of=as_of.isoformat())
        assert got == policy_trends(lake, NOW, as_of)
        assert (got["seasonality"], got["forecast_next_month"]) == ({}, None)


@pytest.mark.parametrize("dirty", [False, True])
async def test_an_as_of_far_ahead_ends_no_differently(analytics: RunningAnalytics, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(8, dirty=dirty))
    as_of = datetime(2099, 1, 1, tzinfo=UTC)
    for rpc, reference in REPORTS.items():
        assert await ask(analytics, rpc, as_of=as_of.isoformat()) == reference(lake, NOW, as_of), rpc


async def test_without_optional_columns_their_figures_are_absent(analytics: RunningAnalytics) -> None:
    files = insurance_files(9)
    files[POLICIES] = without_columns(files[POLICIES], "status", "end_date", "issue_date", "created_at")
    files[PRODUCTS] = without_columns(files[PRODUCTS], "description")
    lake = put_all(analytics, files)
    got = {rpc: await ask(analytics, rpc) for rpc in REPORTS}
    assert got == {rpc: reference(lake, NOW) for rpc, reference in REPORTS.items()}
    policies, trends = got["GetPolicyOverview"], got["GetPolicyTrends"]
    assert policies["by_status"] == {"UNKNOWN": policies["total_policies"]}
    assert (policies["active_policies"], policies["expiring_next_30_days"]) == (None, None)
    assert {month["cancelled"] for month in trends["monthly"]} == {None}
    assert got["GetProductOverview"]["data_completeness"]["products_with_description"] is None


async def test_without_product_id_all_types_are_unknown(analytics: RunningAnalytics) -> None:
    files = insurance_files(10)
    files[POLICIES] = without_columns(files[POLICIES], "product_id", "start_date", "issue_date", "created_at")
    lake = put_all(analytics, files)
    got = await ask(analytics, "GetPolicyOverview")
    assert got == policy_overview(lake, NOW)
    assert set(got["by_product_type"]) == {"UNKNOWN"}
    assert got["as_of"] == NOW.replace(tzinfo=None)


async def test_empty_datasets_give_zeros(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, {path: data.splitlines()[0] + b"\n" for path, data in insurance_files(11).items()})
    for rpc, reference in REPORTS.items():
        assert await ask(analytics, rpc) == reference(lake, NOW), rpc


@pytest.mark.parametrize(
    ("rpc", "path", "columns"),
    [
        ("GetProductProfitability", POLICIES, ["product_id"]),
        ("GetPolicyTrends", POLICIES, ["start_date", "issue_date", "created_at"]),
        ("GetPolicyOverview", PRODUCTS, ["product_type"]),
        ("GetCoverageOverview", COVERAGES, ["deductible"]),
        ("GetProductOverview", PRODUCTS, ["base_premium"]),
    ],
)
async def test_a_missing_column_is_named(analytics: RunningAnalytics, rpc: str, path: str, columns: list[str]) -> None:
    files = insurance_files(12)
    put_all(analytics, files | {path: without_columns(files[path], *columns)})
    error = await refusal(ask(analytics, rpc))
    assert (error.http_status, error.reason) == (422, "COLUMN_MISSING")
    assert (error.metadata["dataset"], error.metadata["column"]) == (path.rsplit("/", 1)[0], columns[0])


@pytest.mark.parametrize(
    ("missing", "rpcs"),
    [
        (PRODUCTS, ["GetProductOverview", "GetPolicyOverview", "GetProductProfitability"]),
        (POLICIES, ["GetPolicyOverview", "GetCoverageOverview", "GetProductProfitability", "GetPolicyTrends"]),
        (COVERAGES, ["GetCoverageOverview"]),
        (CLAIMS, ["GetProductProfitability"]),
    ],
)
async def test_a_missing_dataset_is_named(analytics: RunningAnalytics, missing: str, rpcs: list[str]) -> None:
    put_all(analytics, insurance_files(13))
    analytics.path(missing).unlink()
    for rpc in REPORTS:
        if rpc in rpcs:
            error = await refusal(ask(analytics, rpc))
            assert (error.http_status, error.reason) == (404, "DATASET_NOT_FOUND")
            assert error.metadata["path"] == missing
        else:
            await ask(analytics, rpc)


async def test_a_window_out_of_bounds_is_refused(analytics: RunningAnalytics) -> None:
    for months in (0, 37, -1):
        error = await refusal(ask(analytics, "GetPolicyTrends", months=months))
        assert error.reason == "INVALID_REQUEST"
