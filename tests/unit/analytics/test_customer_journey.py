"""The customer journey equals an independent computation from the specification, on clean and on dirty data."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_pb2 as pb
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files
from support.journey_reference import customer_journey
from support.running import refusal


async def ask(analytics: RunningAnalytics, as_of: str = "") -> dict[str, Any]:
    request = pb.GetCustomerJourneyRequest(as_of=as_of)
    return figures(await analytics.insurance.GetCustomerJourney(request, metadata=analytics.viewer))


def put_all(analytics: RunningAnalytics, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        analytics.put(path, content)
    return analytics.path("")


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, seed: int, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(seed, dirty=dirty))
    assert await ask(analytics) == customer_journey(lake, NOW)


async def test_a_given_as_of_ends_the_window(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(4, dirty=True))
    reply = await ask(analytics, "2024-06-01T00:00:00-05:00")
    assert reply == customer_journey(lake, NOW, datetime(2024, 6, 1, 5, tzinfo=UTC))


async def test_without_client_ids_policies_name_the_user(analytics: RunningAnalytics) -> None:
    put_all(analytics, insurance_files(5))
    analytics.put("mysql/users/users.csv", "id,state,created_at\n1,lima,2024-01-01\n2,,2024-01-02\n")
    analytics.put("mysql/clients/clients.csv", "user_id\n1\n2\n")
    analytics.put("postgresql/policies/policies.csv", "policy_number,customer_id\nP1, 2.0 \n")
    analytics.put("cassandra/reclamos/reclamos.csv", "policy_number,fecha_reclamo\nP1,2024-03-01\n")
    got = await ask(analytics)
    assert got == customer_journey(analytics.path(""), NOW)
    assert list(got["conversion_funnel"].values())[:4] == [2, 2, 1, 1]
    assert got["customer_segments"]["by_state"] == {
        "LIMA": {"total_users": 1, "with_policies": 0, "conversion_rate": 0.0},
        "UNKNOWN": {"total_users": 1, "with_policies": 1, "conversion_rate": 100.0},
    }
    assert set(got["journey_timing"].values()) == {None}


async def test_empty_datasets_give_zeros_and_no_rates(analytics: RunningAnalytics) -> None:
    put_all(analytics, {path: data.splitlines()[0] + b"\n" for path, data in insurance_files(6).items()})
    got = await ask(analytics)
    *counts, rates = got["conversion_funnel"].values()
    assert (counts, set(rates.values()), got["customer_segments"]["by_state"]) == ([0, 0, 0, 0], {None}, {})
    assert got["as_of"] == NOW.replace(tzinfo=None)


async def test_a_missing_dataset_goes_before_a_missing_column(analytics: RunningAnalytics) -> None:
    analytics.put("mysql/users/users.csv", "id\n1\n")
    error = await refusal(ask(analytics))
    assert (error.http_status, error.metadata["path"]) == (404, "mysql/clients/clients.csv")


@pytest.mark.parametrize("as_of", ["2024-01-01", "2024-01-01T00:00:00", "yesterday", "2024-02-30T00:00:00Z"])
async def test_an_as_of_that_is_no_time_with_zone_is_refused(analytics: RunningAnalytics, as_of: str) -> None:
    put_all(analytics, insurance_files(7))
    error = await refusal(ask(analytics, as_of))
    assert error.http_status in (400, 422)
    assert error.reason == "INVALID_REQUEST"


async def test_a_time_to_come_counts_once_it_has_come(analytics: RunningAnalytics, clock: dict[str, datetime]) -> None:
    put_all(analytics, insurance_files(8))
    analytics.put("mysql/users/users.csv", "id,state,created_at\n1,lima,2030-01-01\n")
    before = (await ask(analytics))["as_of"]
    clock["now"] = datetime(2031, 1, 1, tzinfo=UTC)
    assert before.year == 2024
    assert (await ask(analytics))["as_of"] == datetime(2030, 1, 1)  # noqa: DTZ001


async def test_generated_data_of_the_peers_give_the_same_figures(
    analytics: RunningAnalytics, shared_data: Path, tmp_path: Path
) -> None:
    generator = shared_data.parent / "peers" / "gen_data.py"
    if not generator.is_file():
        pytest.skip(f"there is no {generator}")
    command = [sys.executable, str(generator), "--scale", "0.02", "--out", str(tmp_path / "made"), "--only", "primac"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)
    analytics.path("").parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "made" / "s3").rename(analytics.path(""))
    assert await ask(analytics) == customer_journey(analytics.path(""), NOW)
