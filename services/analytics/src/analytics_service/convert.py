"""Between what the rules give and the messages of the contracts."""

import json
from typing import Any, TypedDict

from atalaya.analytics.v1 import insurance_pb2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.timestamp_pb2 import Timestamp
from service_parts.times import timestamp

from analytics_service.answer import Answer, DataIssue

# States of the documented reply, which are always there.
_CLAIM_STATES = ("aprobado", "pendiente", "rechazado", "en_revision")


class Ending(TypedDict):
    """What the replies of all reports end with."""

    as_of: Timestamp | None
    data_issues: list[insurance_pb2.DataIssue]


def claim_counts(answer: Answer) -> dict[str, int]:
    return dict.fromkeys(_CLAIM_STATES, 0) | {row["estado"]: row["claims"] for row in answer.rows}


def claim_stats(answer: Answer) -> insurance_pb2.GetClaimStatsResponse:
    return insurance_pb2.GetClaimStatsResponse(claims_by_estado=claim_counts(answer))


def claim_stats_json(answer: Answer) -> HttpBody:
    return _json(claim_counts(answer))


def average_payment(answer: Answer) -> insurance_pb2.GetAveragePaymentResponse:
    return insurance_pb2.GetAveragePaymentResponse(avg_monto=answer.rows[0]["avg_monto"])


def top_services(answer: Answer) -> insurance_pb2.ListTopServicesResponse:
    return insurance_pb2.ListTopServicesResponse(
        services=[insurance_pb2.ServiceCount(**row) for row in answer.rows],
    )


def top_services_json(answer: Answer) -> HttpBody:
    return _json({row["servicio"]: row["transactions"] for row in answer.rows})


def customer_journey(answer: Answer) -> insurance_pb2.GetCustomerJourneyResponse:
    everyone = next(row for row in answer.rows if row["state"] is None)
    return insurance_pb2.GetCustomerJourneyResponse(
        conversion_funnel=insurance_pb2.ConversionFunnel(
            total_users=everyone["total_users"],
            users_to_clients=everyone["clients"],
            clients_to_policyholders=everyone["holders"],
            policyholders_to_claimants=everyone["claimants"],
            conversion_rates=insurance_pb2.ConversionRates(
                user_to_client=everyone["user_to_client"],
                client_to_policy=everyone["client_to_policy"],
                policy_to_claim=everyone["policy_to_claim"],
                overall_conversion=everyone["overall_conversion"],
            ),
        ),
        journey_timing=insurance_pb2.JourneyTiming(
            avg_days_user_to_client=everyone["days_user_to_client"],
            avg_days_client_to_policy=everyone["days_client_to_policy"],
            avg_days_policy_to_claim=everyone["days_policy_to_claim"],
        ),
        customer_segments=insurance_pb2.CustomerSegments(
            by_state={
                row["state"]: insurance_pb2.StateConversion(
                    total_users=row["total_users"],
                    with_policies=row["holders"],
                    conversion_rate=row["overall_conversion"],
                )
                for row in answer.rows
                if row["state"] is not None
            }
        ),
        **ending(answer),
    )


def ending(answer: Answer) -> Ending:
    """Gives the end of the window and the values that could not be read."""
    return {
        "as_of": timestamp(answer.as_of),
        "data_issues": [data_issue(issue) for issue in answer.data_issues],
    }


def data_issue(issue: DataIssue) -> insurance_pb2.DataIssue:
    return insurance_pb2.DataIssue(dataset=issue.dataset, column=issue.column, bad_values=issue.bad_values)


def _json(content: dict[str, Any]) -> HttpBody:
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpBody(content_type="application/json", data=data)
