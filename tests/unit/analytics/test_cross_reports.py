"""The reports across the sources equal an independent computation from the specification, and figures made by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_pb2 as pb
from service_runtime.errors import Unprocessable
from support import cross_reference
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures
from support.insurance_data import insurance_files, without_columns
from support.running import refusal

USERS, CLIENTS, AGENTS = "mysql/users/users.csv", "mysql/clients/clients.csv", "mysql/agents/agents.csv"
PRODUCTS, POLICIES = "postgresql/products/products.csv", "postgresql/policies/policies.csv"
CLAIMS = "cassandra/reclamos/reclamos.csv"

# Each rpc with its request and its reference.
REPORTS: dict[str, tuple[Any, Callable[..., dict[str, Any]]]] = {
    "GetCustomerPolicyProfile": (pb.GetCustomerPolicyProfileRequest, cross_reference.customer_policy_profile),
    "GetAgentPerformance": (pb.GetAgentPerformanceRequest, cross_reference.agent_performance),
    "GetClaimsVersusPolicies": (pb.GetClaimsVersusPoliciesRequest, cross_reference.claims_vs_policies),
}
rpcs = pytest.mark.parametrize("rpc", REPORTS)


async def ask(analytics: RunningAnalytics, rpc: str, as_of: str = "") -> dict[str, Any]:
    request, _ = REPORTS[rpc]
    return figures(await getattr(analytics.insurance, rpc)(request(as_of=as_of), metadata=analytics.viewer))


def put_all(analytics: RunningAnalytics, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        analytics.put(path, content)
    return analytics.path("")


@pytest.fixture
def small(analytics: RunningAnalytics) -> RunningAnalytics:
    """Three agents, four clients, five policies with five claims, as few and as odd as a hand can count."""
    analytics.put(USERS, "id,state\n1,lima\n2, Cusco \n3,\n")
    analytics.put(
        CLIENTS,
        "id,user_id,first_name,last_name,birth_date,state\n"
        "10,1,Rosa,Quispe,1980-06-15,TACNA\n"
        "20,2,Ana,,2000-02-29,\n"
        "30,3,,,2030-01-01,piura\n"
        "40,,Sin,Pólizas,,\n",
    )
    analytics.put(AGENTS, "id,code,first_name,last_name,is_active\n1,A1,Luz,Rojas,no\n2,A2,Abel,Díaz,\n3,A3,,,si\n")
    analytics.put(PRODUCTS, "id,code,name,product_type,base_premium\n7,P7,Siete,vida,1\n8,P8,Ocho,,1\n")
    analytics.put(
        POLICIES,
        "id,policy_number,customer_id,agent_id,premium,sum_insured,product_id,created_at\n"
        "1,N1,10,1,100,9999.99,7,2024-01-01\n"
        "2,N2,10,1.0,0.125,10000,8,2024-06-14T12:00:00Z\n"
        "3,N3,20,2,100.125,100000,9,2099-01-01\n"
        "4,N4,nobody,9,50,,7,2024-01-03\n"
        "5,,30,1,malo,49999.99,7,\n",
    )
    analytics.put(
        CLAIMS,
        "id,policy_number,estado,monto,fecha_reclamo\n"
        "1,N1,aprobado,10,2024-01-05\n"
        "2,N1,Approved,,2024-01-06\n"
        "3,N1,pendiente,500,2024-01-07\n"
        "4,N3,APROBADA,30.25,2024-01-08\n"
        "5,n1,aprobado,1000,2024-01-09\n",
    )
    return analytics


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
@rpcs
async def test_every_figure_equals_the_reference(analytics: RunningAnalytics, rpc: str, seed: int, dirty: bool) -> None:
    lake = put_all(analytics, insurance_files(seed, dirty=dirty))
    assert await ask(analytics, rpc) == REPORTS[rpc][1](lake, NOW)


@rpcs
async def test_a_given_as_of_ends_the_window(analytics: RunningAnalytics, rpc: str) -> None:
    lake = put_all(analytics, insurance_files(3, dirty=True))
    expected = REPORTS[rpc][1](lake, NOW, datetime(2004, 2, 29, 4, tzinfo=UTC))
    assert await ask(analytics, rpc, "2004-02-28T23:00:00-05:00") == expected


@rpcs
async def test_without_the_optional_columns_the_rest_is_answered(analytics: RunningAnalytics, rpc: str) -> None:
    files = insurance_files(4)
    files[CLIENTS] = without_columns(files[CLIENTS], "id", "state", "gender", "created_at")
    optional = ("product_id", "status", "start_date", "issue_date", "created_at", "end_date")
    files[POLICIES] = without_columns(files[POLICIES], *optional).replace(b",5000", b",")
    lake = put_all(analytics, files)
    assert await ask(analytics, rpc) == REPORTS[rpc][1](lake, NOW)


@rpcs
async def test_empty_datasets_give_zeros_and_no_rates(analytics: RunningAnalytics, rpc: str) -> None:
    files = {path: data.splitlines()[0] + b"\n" for path, data in insurance_files(5).items()}
    lake = put_all(analytics, files)
    reply = await ask(analytics, rpc)
    assert reply == REPORTS[rpc][1](lake, NOW)
    assert reply["as_of"] == NOW.replace(tzinfo=None)


@rpcs
async def test_an_as_of_without_a_zone_is_refused(analytics: RunningAnalytics, rpc: str) -> None:
    error = await refusal(ask(analytics, rpc, "2024-01-01T00:00:00"))
    assert isinstance(error, Unprocessable)
    assert error.reason == "INVALID_REQUEST"
    assert [(violation.loc[-1], violation.msg) for violation in error.violations] == [
        ("as_of", "must be an RFC 3339 time with zone")
    ]


async def test_the_profile_of_a_small_house(small: RunningAnalytics) -> None:
    reply = await ask(small, "GetCustomerPolicyProfile")
    assert reply["as_of"] == datetime(2024, 6, 14, 12)  # noqa: DTZ001
    assert (reply["customers_with_policies"], reply["customers_without_policies"]) == (3, 1)
    assert reply["policies_per_customer"] == {"1": 2, "2": 1, "3+": 0}
    assert reply["by_state"] == {
        # 100.125 / 2 and 19999.99 / 2, halves away from zero.
        "LIMA": {"customers": 1, "policies": 2, "average_premium": 50.06, "average_sum_insured": 10000.0},
        "CUSCO": {"customers": 1, "policies": 1, "average_premium": 100.13, "average_sum_insured": 100000.0},
        "PIURA": {"customers": 1, "policies": 1, "average_premium": None, "average_sum_insured": 49999.99},
    }
    ages = {ages: group["customers"] for ages, group in reply["by_age_group"].items() if group["customers"]}
    # Rosa is 43 until tomorrow; who is born after as_of has no age.
    assert ages == {"36-45": 1, "18-25": 1, "UNKNOWN": 1}
    # 100.125 each: the same figure as rounded, so by name.
    assert reply["high_value_customers"] == [
        {"customer_id": "20", "name": "Ana", "policies": 1, "total_premium": 100.13},
        {"customer_id": "10", "name": "Rosa Quispe", "policies": 2, "total_premium": 100.13},
        {"customer_id": "30", "name": None, "policies": 1, "total_premium": 0.0},
    ]
    assert reply["data_issues"] == [{"dataset": "postgresql/policies", "column": "premium", "bad_values": 1}]


@pytest.mark.parametrize(
    ("as_of", "group"),
    [
        ("2018-02-28T23:59:59Z", "under 18"),
        ("2018-03-01T00:00:00Z", "18-25"),
        ("2018-02-28T19:00:00-05:00", "18-25"),
        ("2026-02-28T00:00:00Z", "18-25"),
        ("2026-03-01T00:00:00Z", "26-35"),
        ("2066-02-28T00:00:00Z", "56-65"),
        ("2066-03-01T00:00:00Z", "65+"),
        ("2000-02-28T23:59:59Z", "UNKNOWN"),
    ],
)
async def test_who_is_born_on_a_leap_day_ages_with_march(small: RunningAnalytics, as_of: str, group: str) -> None:
    small.put(POLICIES, "policy_number,customer_id,premium,sum_insured\nN1,20,1,1\n")
    ages = (await ask(small, "GetCustomerPolicyProfile", as_of))["by_age_group"]
    assert [name for name, figures_ in ages.items() if figures_["customers"]] == [group]


async def test_the_agents_of_a_small_house(small: RunningAnalytics) -> None:
    reply = await ask(small, "GetAgentPerformance")
    abel, luz, nameless = reply["agents"]
    # Both have 100.13; Abel comes first by name. The claim on `n1` is on no policy.
    assert (abel["agent_id"], abel["rank"], abel["is_active"], abel["claims"]) == ("2", 1, None, 1)
    assert luz == {
        "agent_id": "1",
        "code": "A1",
        "name": "Luz Rojas",
        "is_active": False,
        "policies": 3,
        "customers": 2,
        "total_premium": 100.13,
        "average_premium": 50.06,
        "states": 2,
        "claims": 3,
        "approved_amount": 10.0,
        "loss_ratio": 0.0999,
        "retention_rate": 50.0,
        "rank": 2,
    }
    assert [nameless[name] for name in ("name", "policies", "loss_ratio", "retention_rate")] == [None, 0, None, None]
    assert reply["totals"] == {
        "agents": 3,
        "policies": 4,
        "customers": 3,
        "total_premium": 200.25,
        "claims": 4,
        "approved_amount": 40.25,
        "loss_ratio": 0.201,
    }
    assert reply["inactive_agents_with_policies"] == 1


async def test_claims_against_the_policies_of_a_small_house(small: RunningAnalytics) -> None:
    reply = await ask(small, "GetClaimsVersusPolicies")
    assert {name: reply[name] for name in list(reply)[:5]} == {
        "total_policies": 5,
        "policies_with_claims": 2,
        "claim_frequency": 80.0,
        "average_severity": 20.13,
        "loss_ratio": 0.1608,
    }
    assert reply["claims_without_policy"] == 1
    vida = {"policies": 3, "claims": 3, "claim_frequency": 100.0, "average_severity": 10.0, "loss_ratio": 0.0667}
    unknown = {"policies": 2, "claims": 1, "claim_frequency": 50.0, "average_severity": 30.25, "loss_ratio": 0.3017}
    assert reply["by_product_type"] == {"VIDA": vida, "UNKNOWN": unknown}
    counts = {band: (group["policies"], group["claims"]) for band, group in reply["by_sum_insured_band"].items()}
    assert counts == {
        "< 10000": (1, 3),
        "10000-49999": (2, 0),
        "50000-99999": (0, 0),
        ">= 100000": (1, 1),
        "UNKNOWN": (1, 0),
    }
    assert reply["by_sum_insured_band"]["50000-99999"]["claim_frequency"] is None


async def test_a_claim_finds_a_policy_number_held_twice_by_its_smallest_values(small: RunningAnalytics) -> None:
    small.put(
        POLICIES,
        "policy_number,customer_id,agent_id,premium,sum_insured,product_id\n"
        "N1,10,2,1,60000,8\nN1,10,1,1,70000,7\nN1,,,,,\n",
    )
    agents = (await ask(small, "GetAgentPerformance"))["agents"]
    assert {agent["agent_id"]: (agent["policies"], agent["claims"]) for agent in agents} == {
        "1": (1, 3),
        "2": (1, 0),
        "3": (0, 0),
    }
    versus = await ask(small, "GetClaimsVersusPolicies")
    assert (versus["total_policies"], versus["policies_with_claims"], versus["claims_without_policy"]) == (3, 1, 2)
    assert versus["by_product_type"]["VIDA"]["claims"] == 3
    assert versus["by_sum_insured_band"]["50000-99999"]["claims"] == 3


async def test_a_sum_that_no_double_holds_is_absent_and_last(small: RunningAnalytics) -> None:
    small.put(
        POLICIES,
        "policy_number,customer_id,agent_id,premium,sum_insured\n"
        "N1,10,1,1e308,1\nN2,10,1,1e308,1\nN3,20,2,-7,1\n,30,2,,1\n",
    )
    agents = (await ask(small, "GetAgentPerformance"))["agents"]
    assert [(row["agent_id"], row["total_premium"]) for row in agents] == [("3", 0.0), ("2", -7.0), ("1", None)]
    customers = (await ask(small, "GetCustomerPolicyProfile"))["high_value_customers"]
    assert [(row["customer_id"], row["total_premium"]) for row in customers] == [
        ("30", 0.0),
        ("20", -7.0),
        ("10", None),
    ]


async def test_ten_of_many_customers_are_listed(analytics: RunningAnalytics) -> None:
    lake = put_all(analytics, insurance_files(6))
    rows = "".join(f"N{number},{5_000_001 + number},{number // 3}\n" for number in range(60))
    analytics.put(POLICIES, "policy_number,customer_id,premium,sum_insured\n" + rows.replace("\n", ",1\n"))
    reply = await ask(analytics, "GetCustomerPolicyProfile")
    assert [row["total_premium"] for row in reply["high_value_customers"]] == [19.0] * 3 + [18.0] * 3 + [17.0] * 3 + [
        16.0
    ]
    assert reply == cross_reference.customer_policy_profile(lake, NOW)


async def test_a_missing_column_is_named(small: RunningAnalytics) -> None:
    small.put(CLAIMS, "policy_number,estado,monto\n")
    assert (await ask(small, "GetAgentPerformance"))["totals"]["claims"] == 0
    error = await refusal(ask(small, "GetClaimsVersusPolicies"))
    assert (error.reason, error.http_status) == ("COLUMN_MISSING", 422)
    assert (error.metadata["dataset"], error.metadata["column"]) == ("cassandra/reclamos", "fecha_reclamo")
