"""Of a tenant that leaves, insights keeps no label."""

import pytest
from atalaya.tenancy.v1 import erasure_pb2, erasure_pb2_grpc
from service_runtime.errors import PermissionDenied, Unauthenticated
from support.insights_running import RunningInsights
from support.leaving import erase, left_of
from support.running import refusal


async def test_the_labels_of_a_tenant_go_and_no_others(insights: RunningInsights) -> None:
    leaving, staying = insights.company("BCP"), insights.company("BCP")
    for company in (leaving, staying):
        company.write_posts(
            [("BCP", "2026-01-05T10:00:00+00:00", "excelente"), ("BCP", "2026-02-05T10:00:00+00:00", "malo")]
        )
        await company.sentiment(account="BCP")
    # Positive control: they are there before.
    assert left_of(insights.database.name, leaving.tenant_id) == {"text_labels": 2}

    reply = await erase(insights.channel, insights.issuer, leaving.tenant_id, "insights")

    assert (reply.rows, reply.objects) == (2, 0)
    assert left_of(insights.database.name, leaving.tenant_id) == {}
    assert left_of(insights.database.name, staying.tenant_id) == {"text_labels": 2}
    assert (await erase(insights.channel, insights.issuer, leaving.tenant_id, "insights")).rows == 0


@pytest.mark.parametrize(
    ("service", "kind"), [("ml", Unauthenticated), ("", Unauthenticated), ("insights-audit", Unauthenticated)]
)
async def test_a_token_for_another_service_erases_nothing(
    insights: RunningInsights, service: str, kind: type[Exception]
) -> None:
    company = insights.company("BCP")
    error = await refusal(erase(insights.channel, insights.issuer, company.tenant_id, service))
    assert isinstance(error, kind)


async def test_an_admin_erases_nothing(insights: RunningInsights) -> None:
    stub = erasure_pb2_grpc.ErasureServiceStub(insights.channel)
    admin = insights.issuer.bearer(insights.company("BCP").tenant_id, "admin")
    error = await refusal(stub.EraseTenant(erasure_pb2.EraseTenantRequest(), metadata=admin))
    assert isinstance(error, PermissionDenied)
    assert error.reason == "SERVICE_ONLY"
