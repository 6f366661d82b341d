"""Every insurance report equals its reference on data of real size, clean and with every kind of dirt."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from atalaya.analytics.v1 import insurance_activity_pb2, insurance_pb2, insurance_people_pb2, insurance_policies_pb2
from google.protobuf.message_factory import GetMessageClass
from support import (
    activity_pattern_reference,
    activity_reference,
    cross_reference,
    legacy_reference,
    people_reference,
    policies_reference,
    policy_money_reference,
    quality_reference,
)
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files
from support.journey_reference import customer_journey

pytestmark = pytest.mark.slow

# 1 makes and checks 100,000 users, 500,000 audit rows and all between; takes minutes.
SCALE = float(os.environ.get("ATALAYA_REPORT_SCALE", "0.1"))
MIDDLE = datetime(2024, 2, 29, 4, 30, tzinfo=UTC)

Reference = Callable[..., dict[str, Any]]
# By rpc: the reference, and requests beside the one for all that is there and the one for what was there in between.
INSURANCE: dict[str, tuple[Reference, list[dict[str, Any]]]] = {
    "GetClaimStats": (legacy_reference.claim_stats, []),
    "GetAveragePayment": (legacy_reference.average_payment, []),
    "ListTopServices": (legacy_reference.top_services, []),
    "GetCustomerPolicyProfile": (cross_reference.customer_policy_profile, []),
    "GetAgentPerformance": (cross_reference.agent_performance, []),
    "GetClaimsVersusPolicies": (cross_reference.claims_vs_policies, []),
    "GetCustomerJourney": (customer_journey, []),
}
PEOPLE: dict[str, tuple[Reference, list[dict[str, Any]]]] = {
    "GetUserStatistics": (people_reference.users, []),
    "GetClientDemographics": (people_reference.demographics, []),
    "GetAgentPremiums": (people_reference.agents, []),
    "GetBeneficiaryRelationships": (people_reference.relationships, []),
    "GetGrowthByState": (people_reference.growth, [{"months": 36}, {"months": 7}]),
    "GetDataQualityReport": (quality_reference.data_quality, []),
}
POLICIES: dict[str, tuple[Reference, list[dict[str, Any]]]] = {
    "GetProductOverview": (policies_reference.product_overview, []),
    "GetPolicyOverview": (policies_reference.policy_overview, []),
    "GetCoverageOverview": (policies_reference.coverage_overview, []),
    "GetProductProfitability": (policy_money_reference.product_profitability, []),
    "GetPolicyTrends": (policy_money_reference.policy_trends, [{"months": 36}, {"months": 5}]),
}
ACTIVITY: dict[str, tuple[Reference, list[dict[str, Any]]]] = {
    "GetClaimsReport": (activity_reference.claims, []),
    "GetPaymentsReport": (activity_reference.payments, []),
    "GetTransactionAuditReport": (activity_reference.transaction_audit, []),
    "GetClaimsPaymentsCorrelation": (activity_pattern_reference.claims_payments_correlation, []),
    "GetActivityPatterns": (activity_pattern_reference.activity_patterns, [{"hours": 24}, {"hours": 720}]),
}
REPORTS = INSURANCE | PEOPLE | POLICIES | ACTIVITY
# By the name of its stub in RunningAnalytics: the service as the contract has it, and its reports.
SERVICES = {
    "insurance": (insurance_pb2.DESCRIPTOR.services_by_name["InsuranceService"], INSURANCE),
    "people": (insurance_people_pb2.DESCRIPTOR.services_by_name["InsurancePeopleService"], PEOPLE),
    "policies": (insurance_policies_pb2.DESCRIPTOR.services_by_name["InsurancePoliciesService"], POLICIES),
    "activity": (insurance_activity_pb2.DESCRIPTOR.services_by_name["InsuranceActivityService"], ACTIVITY),
}


@cache
def made(dirty: bool) -> TemporaryDirectory[str]:
    """The data, made once; gone with the process."""
    folder = TemporaryDirectory()
    for path, content in insurance_files(20241004, scale=SCALE, dirty=dirty).items():
        target = Path(folder.name, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def test_no_report_is_left_out() -> None:
    for service, reports in SERVICES.values():
        rpcs = {method.name for method in service.methods if not method.name.startswith("Export")}
        assert rpcs == set(reports), service.name


@pytest.mark.parametrize("dirty", [False, True], ids=["clean", "dirty"])
@pytest.mark.parametrize("rpc", REPORTS)
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, rpc: str, dirty: bool) -> None:
    lake = analytics.path("")
    shutil.copytree(made(dirty).name, lake, copy_function=os.link)
    reference, requests = REPORTS[rpc]
    assert await ask(analytics, rpc) == reference(lake, NOW)
    for parameters in requests:
        assert await ask(analytics, rpc, **parameters) == reference(lake, NOW, **parameters), parameters
    if reference.__module__ != "support.legacy_reference":
        assert await ask(analytics, rpc, as_of=MIDDLE.isoformat()) == reference(lake, NOW, MIDDLE)


async def ask(analytics: RunningAnalytics, rpc: str, **parameters: Any) -> dict[str, Any]:
    name, service = next((name, service) for name, (service, reports) in SERVICES.items() if rpc in reports)
    request = GetMessageClass(service.methods_by_name[rpc].input_type)(**parameters)
    # To parse so much may outlast a call on a busy machine; what one call parsed the next one finds.
    for _ in range(5):
        try:
            return figures(await getattr(getattr(analytics, name), rpc)(request, metadata=analytics.viewer))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
    pytest.fail(f"{rpc} never answered in time")
