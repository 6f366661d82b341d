"""The rules of claims, payments and the audit trail that are easy to get wrong, on figures worked out by hand."""

from typing import Any

import pytest
from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.figures import figures
from support.running import refusal

CLAIMS, PAYMENTS = "cassandra/reclamos/reclamos.csv", "cassandra/pagos/pagos.csv"
AUDIT = "cassandra/transaction_audit/transaction_audit.csv"


def put_claims(analytics: RunningAnalytics, *rows: str) -> None:
    analytics.put(CLAIMS, "\n".join(["policy_number,estado,monto,fecha_reclamo", *rows]))


def put_payments(analytics: RunningAnalytics, *rows: str) -> None:
    analytics.put(PAYMENTS, "\n".join(["customer_id,metodo_pago,monto,fecha_pago", *rows]))


def put_audit(analytics: RunningAnalytics, *rows: str) -> None:
    analytics.put(AUDIT, "\n".join(["timestamp,servicio,operacion,user_id", *rows]))


async def claims(analytics: RunningAnalytics, as_of: str = "") -> dict[str, Any]:
    request = pb.GetClaimsReportRequest(as_of=as_of)
    return figures(await analytics.activity.GetClaimsReport(request, metadata=analytics.viewer))


async def payments(analytics: RunningAnalytics, as_of: str = "") -> dict[str, Any]:
    request = pb.GetPaymentsReportRequest(as_of=as_of)
    return figures(await analytics.activity.GetPaymentsReport(request, metadata=analytics.viewer))


async def audit(analytics: RunningAnalytics, as_of: str = "") -> dict[str, Any]:
    request = pb.GetTransactionAuditReportRequest(as_of=as_of)
    return figures(await analytics.activity.GetTransactionAuditReport(request, metadata=analytics.viewer))


async def test_percentiles_interpolate_between_the_amounts_that_are_there(analytics: RunningAnalytics) -> None:
    put_claims(analytics, *(f"P,x,{amount},2024-01-01" for amount in ("40", "10", "", "30", "n/a", "20")))
    got = await claims(analytics)
    assert got["amount_statistics"] == {
        "total": 100.0, "average": 25.0, "median": 25.0, "max": 40.0, "min": 10.0, "p90": 37.0, "p99": 39.7,
    }  # fmt: skip
    assert got["data_issues"] == [{"dataset": "cassandra/reclamos", "column": "monto", "bad_values": 1}]


@pytest.mark.parametrize(("highest", "outliers"), [("0.9", 0), ("0.91", 1)])
async def test_an_amount_at_the_limit_is_no_outlier(analytics: RunningAnalytics, highest: str, outliers: int) -> None:
    # p25 is 0.1 and p75 is 0.3, which in doubles makes a limit a little below 0.9.
    amounts = ["0.1"] * 4 + ["0.3"] * 4 + [highest]
    put_claims(analytics, *(f"P,x,{amount},2024-01-01" for amount in amounts))
    assert (await claims(analytics))["outliers"] == outliers


async def test_approval_counts_what_was_decided_in_any_of_its_words(analytics: RunningAnalytics) -> None:
    words = ("aprobado", " Aprobada", "APPROVED", "rechazado", "Rechazada", "rejected", "rejected", "pendiente", "")
    put_claims(analytics, *(f"P,{word},1,2024-01-01" for word in words))
    got = await claims(analytics)
    assert got["approval_rate"] == 42.9
    assert got["by_estado"]["REJECTED"] == 2
    assert got["by_estado"]["UNKNOWN"] == 1
    put_claims(analytics, "P,pendiente,1,2024-01-01")
    assert (await claims(analytics))["approval_rate"] is None


async def test_top_policies_go_by_the_rounded_amount_then_by_number(analytics: RunningAnalytics) -> None:
    rows = [
        "B,x,5.004,2024-01-01",
        "A,x,5.001,2024-01-01",
        ",x,900,2024-01-01",
        "9,x,2,2024-01-01",
        "10,x,2,2024-01-01",
    ]
    rows += ["low,x,-1,2024-01-01", "low,x,,2024-01-01", "none,x,?,2024-01-01"]
    rows += [f"z{number},x,1,2024-01-01" for number in range(5)]
    put_claims(analytics, *rows)
    top = (await claims(analytics))["top_policies"]
    assert [entry["policy_number"] for entry in top] == ["A", "B", "10", "9", "z0", "z1", "z2", "z3", "z4", "none"]
    assert top[0] == {"policy_number": "A", "claims": 1, "amount": 5.0}
    assert top[-1] == {"policy_number": "none", "claims": 1, "amount": 0.0}


async def test_months_end_with_as_of_and_totals_do_not(analytics: RunningAnalytics) -> None:
    put_claims(
        analytics,
        "P,x,1,2023-03-31T23:59:59",
        "P,x,2,2023-04-01",
        "P,x,4,2024-03-10T12:00:00",
        "P,x,8,2024-03-10T12:00:01",
    )
    got = await claims(analytics, "2024-03-10T12:00:00Z")
    assert (got["total_claims"], got["amount_statistics"]["total"]) == (4, 15.0)
    assert min(got["monthly"]) == "2023-04"
    assert {month: entry for month, entry in got["monthly"].items() if entry["count"]} == {
        "2023-04": {"count": 1, "amount": 2.0},
        "2024-03": {"count": 1, "amount": 4.0},
    }
    assert len(got["monthly"]) == 12


async def test_shares_are_of_the_whole_amount(analytics: RunningAnalytics) -> None:
    put_payments(analytics, "1,yape,10,2024-01-01", "1.0, YAPE ,20,2024-01-01", "2,,60,2024-01-01", ",plin,,2024-01-01")
    got = await payments(analytics)
    assert got["by_metodo_pago"] == {
        "YAPE": {"count": 2, "amount": 30.0, "share": 0.3333},
        "UNKNOWN": {"count": 1, "amount": 60.0, "share": 0.6667},
        "PLIN": {"count": 1, "amount": 0.0, "share": 0.0},
    }
    assert (got["total_payments"], got["avg_monto"], got["median_monto"]) == (4, 30.0, 20.0)
    assert got["payments_per_customer"] == 1.5
    assert [entry["customer_id"] for entry in got["top_customers"]] == ["2", "1"]


async def test_payments_that_add_up_to_nothing_have_no_shares(analytics: RunningAnalytics) -> None:
    # In doubles the three add up to a little more than nothing.
    put_payments(analytics, "1,yape,0.1,2024-01-01", "1,yape,0.2,2024-01-01", "1,plin,-0.3,2024-01-01")
    got = await payments(analytics)
    assert got["total_amount"] == 0.0
    assert [entry["share"] for entry in got["by_metodo_pago"].values()] == [None, None]


async def test_a_sum_that_no_double_holds_is_absent_and_goes_last(analytics: RunningAnalytics) -> None:
    put_claims(analytics, "A,x,1e308,2024-01-01", "A,x,1e308,2024-01-01", "B,x,5,2024-01-01")
    got = await claims(analytics)
    assert (got["amount_statistics"]["total"], got["amount_statistics"]["max"]) == (None, 1e308)
    assert [(entry["policy_number"], entry["amount"]) for entry in got["top_policies"]] == [("B", 5.0), ("A", None)]


async def test_halves_of_cents_go_away_from_zero(analytics: RunningAnalytics) -> None:
    put_payments(analytics, "1,a,1.005,2024-01-01", "2,b,-1.005,2024-01-01", "2,b,0,2024-01-01")
    got = await payments(analytics)
    assert {method: entry["amount"] for method, entry in got["by_metodo_pago"].items()} == {"A": 1.01, "B": -1.01}


async def test_the_trail_is_told_by_service_operation_hour_and_day(analytics: RunningAnalytics) -> None:
    put_audit(
        analytics,
        "2024-03-10T23:30:00-05:00,Pagos,login,7",
        "2024-03-11T04:59:59Z,pagos,Login_Failed,7.0",
        "2024-02-11T04:00:00Z,pagos,PAYMENT_ERROR,8",
        "2024-02-10T23:59:59Z,,terror,",
        "2024-03-11T05:00:01Z,pagos,,9",
        "yesterday,pagos,ok,",
    )
    got = await audit(analytics, "2024-03-11T05:00:00Z")
    assert (got["total_transactions"], got["unique_users"], got["transactions_per_user"]) == (6, 3, 1.33)
    assert got["by_servicio"] == {"Pagos": 1, "pagos": 4, "UNKNOWN": 1}
    assert got["by_operacion"] == {
        "LOGIN": 1, "LOGIN_FAILED": 1, "PAYMENT_ERROR": 1, "TERROR": 1, "OK": 1, "UNKNOWN": 1,
    }  # fmt: skip
    assert got["error_rate"] == 50.0
    assert {hour: count for hour, count in got["hourly"].items() if count} == {"04": 3, "23": 1}
    assert {day: count for day, count in got["daily"].items() if count} == {"2024-02-11": 1, "2024-03-11": 2}
    assert (min(got["daily"]), max(got["daily"]), len(got["daily"])) == ("2024-02-11", "2024-03-11", 30)
    assert got["data_issues"] == [{"dataset": "cassandra/transaction_audit", "column": "timestamp", "bad_values": 1}]


async def test_a_missing_file_or_column_is_named(analytics: RunningAnalytics) -> None:
    error = await refusal(claims(analytics))
    assert (error.http_status, error.metadata["path"]) == (404, CLAIMS)
    analytics.put(PAYMENTS, "customer_id,monto,fecha_pago\n1,2,2024-01-01\n")
    error = await refusal(payments(analytics))
    assert (error.http_status, error.metadata["column"]) == (422, "metodo_pago")
