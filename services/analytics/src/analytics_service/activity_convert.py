"""The rows of the activity reports as the messages of their contract."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from atalaya.analytics.v1 import insurance_activity_pb2 as pb
from service_parts.times import timestamp

from analytics_service.answer import Answer
from analytics_service.calendar_months import last_months
from analytics_service.convert import ending
from analytics_service.query_engine import Row

_MONTHS = 12
_DAYS = 30
_HOURS_OF_DAY = [f"{hour:02d}" for hour in range(24)]
_WEEKDAYS = [str(day) for day in range(1, 8)]


def claims(answer: Answer) -> pb.GetClaimsReportResponse:
    end = _end(answer)
    figures = answer.rows[0]
    months = {row["key"]: pb.ClaimMonth(count=row["claims"], amount=row["amount"]) for row in _part(answer, "month")}
    return pb.GetClaimsReportResponse(
        total_claims=figures["total_claims"],
        by_estado={row["key"]: row["claims"] for row in _part(answer, "estado")},
        amount_statistics=pb.ClaimAmountStatistics(
            total=figures["total"],
            average=figures["average"],
            median=figures["median"],
            max=figures["highest"],
            min=figures["lowest"],
            p90=figures["p90"],
            p99=figures["p99"],
        ),
        approval_rate=figures["approval_rate"],
        monthly={month: months.get(month, pb.ClaimMonth(amount=0)) for month in last_months(end, _MONTHS)},
        top_policies=[
            pb.ClaimedPolicy(policy_number=row["key"], claims=row["claims"], amount=row["amount"])
            for row in _part(answer, "policy")
        ],
        outliers=figures["outliers"],
        **ending(answer),
    )


def payments(answer: Answer) -> pb.GetPaymentsReportResponse:
    end = _end(answer)
    figures = answer.rows[0]
    months = {
        row["key"]: pb.PaymentMonth(count=row["payments"], amount=row["amount"]) for row in _part(answer, "month")
    }
    return pb.GetPaymentsReportResponse(
        total_payments=figures["total_payments"],
        total_amount=figures["total_amount"],
        avg_monto=figures["avg_monto"],
        median_monto=figures["median_monto"],
        by_metodo_pago={
            row["key"]: pb.PaymentMethod(count=row["payments"], amount=row["amount"], share=row["share"])
            for row in _part(answer, "method")
        },
        monthly={month: months.get(month, pb.PaymentMonth(amount=0)) for month in last_months(end, _MONTHS)},
        top_customers=[
            pb.PayingCustomer(customer_id=row["key"], payments=row["payments"], amount=row["amount"])
            for row in _part(answer, "customer")
        ],
        payments_per_customer=figures["payments_per_customer"],
        **ending(answer),
    )


def transaction_audit(answer: Answer) -> pb.GetTransactionAuditReportResponse:
    end = _end(answer)
    figures = answer.rows[0]
    counts = {
        part: {row["key"]: row["transactions"] for row in _part(answer, part)}
        for part in ("servicio", "operacion", "hour", "day")
    }
    return pb.GetTransactionAuditReportResponse(
        total_transactions=figures["total_transactions"],
        by_servicio=counts["servicio"],
        by_operacion=counts["operacion"],
        unique_users=figures["unique_users"],
        transactions_per_user=figures["transactions_per_user"],
        hourly=dict.fromkeys(_HOURS_OF_DAY, 0) | counts["hour"],
        daily={day: counts["day"].get(day, 0) for day in _last_days(end)},
        error_rate=figures["error_rate"],
        **ending(answer),
    )


def correlation(answer: Answer) -> pb.GetClaimsPaymentsCorrelationResponse:
    (row,) = answer.rows
    return pb.GetClaimsPaymentsCorrelationResponse(
        customers_with_both=row["customers_with_both"],
        pearson=row["pearson"],
        spearman=row["spearman"],
        monthly_correlation=row["monthly_correlation"],
        payment_to_claim_ratio=row["payment_to_claim_ratio"],
        lag_days_median=row["lag_days_median"],
        quadrants=pb.CorrelationQuadrants(
            high_claims_high_payments=row["high_high"],
            high_claims_low_payments=row["high_low"],
            low_claims_high_payments=row["low_high"],
            low_claims_low_payments=row["low_low"],
        ),
        **ending(answer),
    )


def activity_patterns(answer: Answer) -> pb.GetActivityPatternsResponse:
    end, hours = _end(answer), answer.parameters["hours"]
    start = _hours_before(end.replace(minute=0, second=0, microsecond=0), hours - 1)
    figures = answer.rows[0]
    return pb.GetActivityPatternsResponse(
        hours=hours,
        window=pb.ActivityWindow(**{"from": timestamp(start), "to": timestamp(end)}),
        total_events=figures["total_events"],
        by_hour_of_day={row["key"]: row["events"] for row in _part(answer, "hour")},
        by_weekday=dict.fromkeys(_WEEKDAYS, 0) | {row["key"]: row["events"] for row in _part(answer, "weekday")},
        peak_hour=figures["peak_hour"],
        quiet_hour=figures["quiet_hour"],
        by_servicio={row["key"]: row["events"] for row in _part(answer, "servicio")},
        anomalies=[
            pb.ActivityAnomaly(
                hour_start=timestamp(start + timedelta(hours=row["number"])),
                events=row["events"],
                expected=row["expected"],
                z_score=row["z_score"],
            )
            for row in _part(answer, "anomaly")
        ],
        **ending(answer),
    )


def _end(answer: Answer) -> datetime:
    # Every activity report has times, so it has this one.
    return cast(datetime, answer.as_of)


def _part(answer: Answer, part: str) -> Iterable[Row]:
    return (row for row in answer.rows if row["part"] == part)


def _last_days(end: datetime) -> list[str]:
    newest = end.date().toordinal()
    first = max(1, newest - _DAYS + 1)  # There are no days before the year 1.
    return [datetime.fromordinal(day).date().isoformat() for day in range(first, newest + 1)]


def _hours_before(moment: datetime, hours: int) -> datetime:
    # There are no hours before the year 1.
    return max(moment, datetime.fromordinal(1) + timedelta(hours=hours)) - timedelta(hours=hours)
