"""The six reports on people equal independent computations from the specification, on clean and on dirty data."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_people_pb2 as pb
from service_runtime.errors import Unprocessable
from support import people_reference as reference
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files, without_columns
from support.quality_reference import data_quality
from support.running import refusal

REFERENCES: dict[str, Callable[..., dict[str, Any]]] = {
    "GetUserStatistics": reference.users,
    "GetClientDemographics": reference.demographics,
    "GetAgentPremiums": reference.agents,
    "GetBeneficiaryRelationships": reference.relationships,
    "GetGrowthByState": reference.growth,
    "GetDataQualityReport": data_quality,
}
RPCS = list(REFERENCES)
BOUNDS = "greater than or equal to 1 and less than or equal to 36"


async def ask(analytics: RunningAnalytics, rpc: str, **parameters: Any) -> dict[str, Any]:
    """The reply's figures."""
    request = getattr(pb, f"{rpc}Request")(**parameters)
    return figures(await getattr(analytics.people, rpc)(request, metadata=analytics.viewer))


def put_all(analytics: RunningAnalytics, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        analytics.put(path, content)
    return analytics.path("")


@pytest.mark.parametrize(("seed", "dirty"), [(1, False), (1, True), (2, True), (3, True)])
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, seed: int, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(seed, dirty=dirty))
    for rpc in RPCS:
        assert await ask(analytics, rpc) == REFERENCES[rpc](lake, NOW), rpc


async def test_a_given_as_of_ends_every_window(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(4, dirty=True))
    end = datetime(2024, 3, 1, 4, 30, tzinfo=UTC)
    for rpc in RPCS:
        reply = await ask(analytics, rpc, as_of="2024-02-29T23:30:00-05:00")
        assert reply == REFERENCES[rpc](lake, NOW, end), rpc
        assert reply["as_of"] == end.replace(tzinfo=None)


async def test_growth_over_any_window_equals_the_reference(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(5, dirty=True))
    for months in (1, 2, 3, 6, 24, 36):
        assert await ask(analytics, "GetGrowthByState", months=months) == reference.growth(lake, NOW, months=months)


async def test_months_out_of_bounds_are_refused(analytics: RunningAnalytics) -> None:
    for months in (0, 37, -1):
        error = await refusal(ask(analytics, "GetGrowthByState", months=months))
        assert (error.http_status, error.reason) == (422, "INVALID_REQUEST")
        assert isinstance(error, Unprocessable)
        (violation,) = error.violations
        assert (violation.loc, violation.msg) == (("months",), f"must be {BOUNDS}")


async def test_headers_alone_give_zeros_and_no_rates(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, {path: data.splitlines()[0] + b"\n" for path, data in insurance_files(6).items()})
    for rpc in RPCS:
        reply = await ask(analytics, rpc)
        assert reply == REFERENCES[rpc](lake, NOW), rpc
        assert reply["as_of"] == NOW.replace(tzinfo=None)


MISSING = {
    "GetUserStatistics": "mysql/users/users.csv",
    "GetClientDemographics": "mysql/clients/clients.csv",
    "GetAgentPremiums": "mysql/agents/agents.csv",
    "GetBeneficiaryRelationships": "mysql/beneficiaries/beneficiaries.csv",
    "GetGrowthByState": "mysql/users/users.csv",
    "GetDataQualityReport": "mysql/users/users.csv",
}


async def test_a_dataset_that_is_not_there_is_named(analytics: RunningAnalytics) -> None:
    for rpc, path in MISSING.items():
        error = await refusal(ask(analytics, rpc))
        assert (error.http_status, error.reason, error.metadata["path"]) == (404, "DATASET_NOT_FOUND", path)


async def test_a_missing_dataset_goes_before_a_missing_column(analytics: RunningAnalytics) -> None:
    analytics.put("mysql/clients/clients.csv", "first_name\nRosa\n")
    error = await refusal(ask(analytics, "GetClientDemographics"))
    assert (error.http_status, error.metadata["path"]) == (404, "mysql/users/users.csv")


NEEDED = [
    ("GetUserStatistics", "mysql/users", "email role phone state city created_at"),
    ("GetClientDemographics", "mysql/clients", "user_id document_type birth_date"),
    ("GetClientDemographics", "mysql/users", "id state created_at"),
    ("GetAgentPremiums", "mysql/agents", "id code first_name last_name is_active"),
    ("GetAgentPremiums", "postgresql/policies", "customer_id agent_id premium"),
    ("GetBeneficiaryRelationships", "mysql/beneficiaries", "client_id relationship birth_date"),
    ("GetBeneficiaryRelationships", "mysql/users", "created_at"),
    ("GetGrowthByState", "mysql/users", "state created_at"),
]


async def test_each_needed_column_is_missed_and_no_other(analytics: RunningAnalytics) -> None:
    files = insurance_files(7)
    for rpc, dataset, columns in NEEDED:
        path = f"{dataset}/{dataset.split('/')[1]}.csv"
        others = set(files[path].split(b"\n")[0].decode().split(",")) - set(columns.split())
        put_all(analytics, files | {path: without_columns(files[path], *others)})
        await ask(analytics, rpc)
        for column in columns.split():
            analytics.put(path, without_columns(files[path], column))
            error = await refusal(ask(analytics, rpc))
            assert (error.http_status, error.metadata["dataset"], error.metadata["column"]) == (422, dataset, column)


async def test_a_file_of_no_bytes_lacks_its_first_needed_column(analytics: RunningAnalytics) -> None:
    analytics.put("mysql/users/users.csv", "")
    error = await refusal(ask(analytics, "GetUserStatistics"))
    assert (error.http_status, error.metadata["column"]) == (422, "email")
