"""Rules of the reports over products, policies and coverages that are easy to get wrong, worked out by hand."""

from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_policies_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.figures import figures

AS_OF = "2024-06-15T12:00:00Z"


class Lake:
    """Small datasets of one test, and the reports over them."""

    def __init__(self, analytics: RunningAnalytics) -> None:
        self._analytics = analytics
        self.products("1,P1,Vida,vida,100,")

    def products(self, *rows: str) -> None:
        self._put("postgresql/products", "id,code,name,product_type,base_premium,description", rows)

    def policies(self, *rows: str, header: str = "id,policy_number,agent_id,premium,sum_insured,product_id") -> None:
        self._put("postgresql/policies", header, rows)

    def coverages(self, *rows: str) -> None:
        self._put("postgresql/policy_coverage", "policy_id,coverage_name,coverage_limit,deductible", rows)

    def claims(self, *rows: str) -> None:
        self._put("cassandra/reclamos", "id,policy_number,estado,monto", rows)

    async def ask(self, rpc: str, **parameters: Any) -> dict[str, Any]:
        request = getattr(pb, f"{rpc}Request")(**parameters)
        return figures(await getattr(self._analytics.policies, rpc)(request, metadata=self._analytics.viewer))

    def _put(self, dataset: str, header: str, rows: tuple[str, ...]) -> None:
        self._analytics.put(f"{dataset}/{dataset.split('/')[1]}.csv", "\n".join([header, *rows, ""]))


@pytest.fixture
def lake(analytics: RunningAnalytics) -> Lake:
    return Lake(analytics)


async def test_products_say_what_the_document_shows(lake: Lake) -> None:
    lake.products(
        "1,A,a,vida,99.995,x",
        "2,B,b, Vida ,100,",
        "3,C,c,,499.99,y",
        "4,D,d,auto,500,",
        "4,D,d,auto,1000,",
        "5,E,e,auto,NULL,",
    )
    assert await lake.ask("GetProductOverview") == {
        "total_products": 6,
        "product_types": {"VIDA": 2, "UNKNOWN": 1, "AUTO": 3},
        "premium_statistics": {
            "average_premium": 440.0,
            "median_premium": 499.99,
            "max_premium": 1000.0,
            "min_premium": 100.0,
            "premium_distribution": {"< 100": 1, "100-499": 2, "500-999": 1, ">= 1000": 1},
        },
        "data_completeness": {"products_with_premium": 5, "products_with_description": 2},
        "as_of": None,
        "data_issues": [{"dataset": "postgresql/products", "column": "base_premium", "bad_values": 1}],
    }


async def test_amounts_are_interpolated_and_halves_round_away_from_zero(lake: Lake) -> None:
    lake.policies("1,P1,1,1.005,-0.5,1", "2,P2,1,1.005,0.49,1", "3,P3,1,7,,1", "4,P4,1,2.5,,1")
    got = await lake.ask("GetPolicyOverview")
    premium = {"total": 11.51, "average": 2.88, "median": 1.75, "max": 7.0, "min": 1.01}
    assert got["premium_statistics"] == premium
    assert got["sum_insured_statistics"] == {
        "total": -0.01,
        "average": -0.01,
        "median": -0.01,
        "max": 0.49,
        "min": -0.5,
    }


async def test_sums_that_no_double_holds_are_absent(lake: Lake) -> None:
    lake.policies("1,P1,1,1e308,2e307,1", "2,P2,1,1e308,2e307,1", "3,P3,2,4,,1")
    lake.claims("a,P1,aprobado,1e308", "b,P1,aprobado,1e308")
    policies, profitability = await lake.ask("GetPolicyOverview"), await lake.ask("GetProductProfitability")
    assert policies["premium_statistics"] == {"total": None, "average": None, "median": 1e308, "max": 1e308, "min": 4.0}
    assert policies["sum_insured_statistics"]["total"] == 4e307
    assert [(agent["agent_id"], agent["total_premium"]) for agent in policies["top_agents"]] == [
        ("2", 4.0),
        ("1", None),
    ]
    (product,) = profitability["products"]
    assert [product[name] for name in ("total_premium", "claims_amount", "loss_ratio", "profit")] == [None] * 4


async def test_status_words_count_as_active_whatever_their_case(lake: Lake) -> None:
    words = ["Active", "ACTIVA", "activo ", "vigente", "Vigentes", "in active", "", "cancelada"]
    lake.policies(*(f"{word},1,1,1" for word in words), header="status,agent_id,premium,sum_insured")
    got = await lake.ask("GetPolicyOverview")
    assert got["active_policies"] == 4
    assert got["by_status"]["UNKNOWN"] == 1
    assert got["by_status"]["IN ACTIVE"] == 1


@pytest.mark.parametrize(("column", "expected"), [("status", 2), ("other", 3)])
async def test_what_expires_in_30_days_ends_after_as_of(lake: Lake, column: str, expected: int) -> None:
    lake.policies(
        "active,2024-06-15T12:00:00,1,1,1",
        "active,2024-06-15T12:00:01,1,1,1",
        "active,2024-07-15T12:00:00,1,1,1",
        "active,2024-07-15T12:00:01,1,1,1",
        "expired,2024-07-01,1,1,1",
        header=f"{column},end_date,agent_id,premium,sum_insured",
    )
    assert (await lake.ask("GetPolicyOverview", as_of=AS_OF))["expiring_next_30_days"] == expected


async def test_the_ten_agents_with_most_premium_come_in_order_of_text(lake: Lake) -> None:
    lake.policies(
        *(f"{n},P{n},{n},10,1,1" for n in range(1, 13)), "13,P13,,900,1,1", "14,P14,7.0,0.004,1,1", "15,P15,b,,,"
    )
    agents = (await lake.ask("GetPolicyOverview"))["top_agents"]
    assert [agent["agent_id"] for agent in agents] == ["1", "10", "11", "12", "2", "3", "4", "5", "6", "7"]
    assert agents[-1] == {"agent_id": "7", "policies": 2, "total_premium": 10.0}


async def test_a_type_is_looked_up_in_one_row_of_a_product(lake: Lake) -> None:
    lake.products("1,A,a,vida,1,", "1,A,a,AUTO,1,", "1,A,a,,1,", ",B,b,salud,1,")
    lake.policies("1,P1,1,5,1, 1.00 ", "2,P2,1,,1,1", "3,P3,1,7,1,01", "4,P4,1,8,1,")
    assert (await lake.ask("GetPolicyOverview"))["by_product_type"] == {
        "AUTO": {"policies": 2, "total_premium": 5.0},
        "UNKNOWN": {"policies": 2, "total_premium": 15.0},
    }


async def test_coverages_are_held_against_policies_by_id(lake: Lake) -> None:
    lake.policies("1,P1,1,1,1,1", "1,P1,1,1,1,1", "2.0,P2,1,1,1,1", "3,P3,1,1,1,1", ",P4,1,1,1,1")
    lake.coverages("1,robo,100,10", "1,ROBO ,200,", "2,,0,5", "9,Robo,x,1", ",robo,50,4")
    got = await lake.ask("GetCoverageOverview", as_of=AS_OF)
    assert got["by_name"] == {
        "ROBO": {"count": 4, "average_limit": 116.67, "average_deductible": 5.0, "deductible_ratio": 0.0933},
        "UNKNOWN": {"count": 1, "average_limit": 0.0, "average_deductible": 5.0, "deductible_ratio": None},
    }
    assert (got["total_coverages"], got["average_coverages_per_policy"]) == (5, 1.33)
    assert got["policies_without_coverage"] == 2


async def test_profit_is_premium_less_approved_claims_of_the_product(lake: Lake) -> None:
    lake.products("1,A,Vida,vida,1,", "1,B,Auto,,1,", "2,C,,x,1,", "3,D,Zeta,x,1,", "4,E,Zeta,x,1,", ",F,Nada,x,1,")
    lake.policies("1,P1,1,100,1000,1", "2,P1,1,50,,2", "3,P3,1,,5,3", "4,P4,1,70,1,9")
    # P1 stands for two products: its claims are those of the smaller one.
    lake.claims(
        "a,P1,Aprobada,30.5",
        "b,P1,approved,",
        "c,P1,rechazado,99",
        "d,P3,APROBADO,8",
        "e,P4,aprobado,1",
        "f,,aprobado,1",
    )
    got = await lake.ask("GetProductProfitability")
    assert got["products"][0] == {
        "product_id": "1",
        "code": "A",
        "name": "Auto",
        "product_type": "VIDA",
        "policy_number_count": 1,
        "total_premium": 100.0,
        "average_premium": 100.0,
        "total_sum_insured": 1000.0,
        "claims": 3,
        "claims_amount": 30.5,
        "loss_ratio": 0.305,
        "profit": 69.5,
    }
    order = {
        name: [entry["product_id"] for entry in entries]
        for name, entries in got.items()
        if name not in ("as_of", "data_issues")
    }
    assert order == {
        "products": ["1", "3", "4", "2"],
        "top_products_by_volume": ["1", "3", "2", "4"],
        "top_products_by_premium": ["1", "2", "3", "4"],
        "most_profitable": ["1", "2", "4", "3"],
        "least_profitable": ["3", "4", "2", "1"],
    }
    assert (got["products"][1]["loss_ratio"], got["products"][1]["average_premium"]) == (None, None)


async def test_lists_of_products_hold_ten_and_all_are_given(lake: Lake) -> None:
    lake.products(*(f"{n},C,Igual,x,1," for n in range(1, 13)))
    lake.policies("1,P1,1,5,1,12")
    lake.claims()
    got = await lake.ask("GetProductProfitability")
    assert [entry["product_id"] for entry in got["least_profitable"]] == [
        "1",
        "10",
        "11",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
    ]
    assert [len(got[name]) for name in ("products", "top_products_by_volume", "most_profitable")] == [12, 10, 10]
