"""The activity reports as REST callers get them: the documented keys, zeros that are there and values that are not."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.analytics_running import RunningAnalytics
from support.gateway_process import GatewayProcess
from support.insurance_data import insurance_files

pytestmark = pytest.mark.slow

# What lake.md names, by path.
KEYS = {
    "claims": "total_claims by_estado amount_statistics approval_rate monthly top_policies outliers",
    "payments": "total_payments total_amount avg_monto median_monto by_metodo_pago monthly top_customers"
    " payments_per_customer",
    "transaction-audit": "total_transactions by_servicio by_operacion unique_users transactions_per_user hourly daily"
    " error_rate",
    "claims-payments-correlation": "customers_with_both pearson spearman monthly_correlation payment_to_claim_ratio"
    " lag_days_median quadrants",
    "activity-patterns": "hours window total_events by_hour_of_day by_weekday peak_hour quiet_hour by_servicio"
    " anomalies",
}


@pytest.fixture
async def client(analytics: RunningAnalytics, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer's client before a gateway with analytics alone behind it."""
    gateway = GatewayProcess(tmp_path, analytics.settings.listen_address.removeprefix("unix:"))
    await gateway.start()
    headers = {"authorization": dict(analytics.viewer)["authorization"]}
    async with httpx.AsyncClient(base_url=f"{gateway.url}/cassandra/analytics/", headers=headers, timeout=60) as client:
        yield client
    gateway.stop()


async def test_replies_have_the_documented_keys(client: httpx.AsyncClient, analytics: RunningAnalytics) -> None:
    for path, content in insurance_files(1).items():
        analytics.put(path, content)
    replies = {path: (await client.get(path)).json() for path in KEYS}
    for path, keys in KEYS.items():
        assert list(replies[path]) == [*keys.split(), "as_of", "data_issues"], path
    assert set(replies["claims"]["amount_statistics"]) == {"total", "average", "median", "max", "min", "p90", "p99"}
    assert all(isinstance(count, int) for count in replies["transaction-audit"]["hourly"].values())
    window = replies["activity-patterns"]["window"]
    assert (window["from"][13:], window["to"]) == (":00:00Z", replies["activity-patterns"]["as_of"])


async def test_what_has_no_value_is_absent_and_zeros_are_there(
    client: httpx.AsyncClient, analytics: RunningAnalytics
) -> None:
    for path, content in insurance_files(1).items():
        analytics.put(path, content.splitlines()[0] + b"\n")
    claims = (await client.get("claims?as_of=2024-02-29T23:00:00-05:00")).json()
    assert claims["amount_statistics"] == {"total": 0.0}
    assert claims["monthly"]["2023-04"] == {"count": 0, "amount": 0.0}
    assert (claims["outliers"], claims["top_policies"], claims["as_of"]) == (0, [], "2024-03-01T04:00:00Z")
    assert "approval_rate" not in claims
    correlation = (await client.get("claims-payments-correlation")).json()
    assert set(correlation) == {"customers_with_both", "quadrants", "as_of", "data_issues"}
    patterns = (await client.get("activity-patterns?hours=24")).json()
    assert patterns["by_weekday"] == dict.fromkeys("1234567", 0)
    assert not {"peak_hour", "quiet_hour"} & set(patterns)


async def test_refusals_name_what_is_wrong(client: httpx.AsyncClient, analytics: RunningAnalytics) -> None:
    for query, field in (("hours=23", "hours"), ("hours=721", "hours"), ("as_of=2024-01-01", "as_of")):
        reply = await client.get(f"activity-patterns?{query}")
        assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", field])
    reply = await client.get("claims")
    assert (reply.status_code, reply.json()["code"]) == (404, "DATASET_NOT_FOUND")
    assert "cassandra/reclamos/reclamos.csv" in reply.json()["detail"]
    analytics.put("cassandra/reclamos/reclamos.csv", "policy_number,estado,monto\n")
    reply = await client.get("claims")
    assert (reply.status_code, reply.json()["code"]) == (422, "COLUMN_MISSING")
    assert "fecha_reclamo" in reply.json()["detail"]
