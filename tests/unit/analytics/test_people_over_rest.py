"""The reports on people as REST callers get them: the documented keys, what is absent, and what refusals name."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.analytics_running import RunningAnalytics
from support.gateway_process import GatewayProcess
from support.insurance_data import insurance_files, without_columns

pytestmark = pytest.mark.slow


@pytest.fixture
async def client(analytics: RunningAnalytics, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer's client before a gateway with analytics alone behind it."""
    gateway = GatewayProcess(tmp_path, analytics.settings.listen_address.removeprefix("unix:"))
    await gateway.start()
    headers = {"authorization": dict(analytics.viewer)["authorization"]}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60) as client:
        yield client
    gateway.stop()


async def test_replies_have_the_documented_keys(client: httpx.AsyncClient, analytics: RunningAnalytics) -> None:
    for path, content in insurance_files(1).items():
        analytics.put(path, content)
    users = (await client.get("/mysql/analytics/users")).json()
    assert list(users) == [
        "total_users", "users_by_role", "users_by_state", "recent_registrations", "top_cities",
        "monthly_registrations", "data_quality", "as_of", "data_issues",
    ]  # fmt: skip
    assert list(users["data_quality"]) == ["missing_emails", "missing_phones", "duplicate_emails"]
    clients = (await client.get("/mysql/analytics/clients/demographics")).json()
    assert sum(clients["gender_distribution"].values()) == clients["total_clients"]
    assert all(isinstance(count, int) for count in clients["gender_distribution"].values())
    agents = (await client.get("/mysql/analytics/agents/performance")).json()
    assert len(agents["agents"]) == 10
    assert (await client.get("/mysql/analytics/beneficiaries/relationships")).json()["age_by_relationship"]
    growth = (await client.get("/mysql/analytics/growth-by-state?months=3")).json()
    assert {len(state["monthly"]) for state in growth["states"].values()} == {3}
    quality = (await client.get("/mysql/analytics/data-quality-report?as_of=2024-01-01T00:00:00Z")).json()
    assert (list(quality["datasets"]["clients"]["orphans"]), quality["as_of"]) == (["user_id"], "2024-01-01T00:00:00Z")
    # What has no value is absent, zeros are there.
    for path, content in insurance_files(1).items():
        header = without_columns(content, "gender").splitlines()[0]
        analytics.put(path, header + b"\n")
    clients = (await client.get("/mysql/analytics/clients/demographics")).json()
    assert not {"gender_distribution", "average_age", "median_age"} & set(clients)
    assert (clients["total_clients"], clients["document_types"], clients["data_issues"]) == (0, {}, [])


async def test_refusals_name_what_is_wrong(client: httpx.AsyncClient, analytics: RunningAnalytics) -> None:
    for months in (0, 37):
        reply = await client.get(f"/mysql/analytics/growth-by-state?months={months}")
        assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", "months"])
    reply = await client.get("/mysql/analytics/users?as_of=2024-01-01")
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", "as_of"])
    reply = await client.get("/mysql/analytics/users")
    assert (reply.status_code, reply.json()["code"]) == (404, "DATASET_NOT_FOUND")
    assert "mysql/users/users.csv" in reply.json()["detail"]
    analytics.put("mysql/users/users.csv", "id,email\n")
    reply = await client.get("/mysql/analytics/users")
    assert (reply.status_code, reply.json()["code"]) == (422, "COLUMN_MISSING")
    assert "role" in str(reply.json()["detail"])
