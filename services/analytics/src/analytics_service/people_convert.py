"""The rows of the reports on people as messages of the contract."""

from atalaya.analytics.v1 import insurance_people_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from analytics_service.answer import Answer
from analytics_service.calendar_months import last_months
from analytics_service.convert import ending
from analytics_service.query_engine import Row

_AGES = ("under 18", "18-25", "26-35", "36-45", "46-55", "56-65", "65+")


def user_statistics(answer: Answer) -> pb.GetUserStatisticsResponse:
    everyone = _row(answer, "all")
    return pb.GetUserStatisticsResponse(
        total_users=everyone["users"],
        users_by_role=_counts(answer, "users_by_role", "users"),
        users_by_state=_counts(answer, "users_by_state", "users"),
        recent_registrations=everyone["recent"],
        top_cities=_counts(answer, "top_cities", "users"),
        monthly_registrations=_months(answer, 12) | _counts(answer, "monthly_registrations", "users"),
        data_quality=pb.UserDataQuality(
            missing_emails=everyone["without_email"],
            missing_phones=everyone["without_phone"],
            duplicate_emails=everyone["repeated_emails"],
        ),
        **ending(answer),
    )


def client_demographics(answer: Answer) -> pb.GetClientDemographicsResponse:
    everyone, ages = _row(answer, "all"), _row(answer, "ages")
    genders = None
    if any(row["part"] == "has_gender" for row in answer.rows):
        genders = Struct()
        genders.update(_counts(answer, "gender_distribution", "clients"))
    return pb.GetClientDemographicsResponse(
        total_clients=everyone["clients"],
        age_distribution=dict.fromkeys(_AGES, 0) | _counts(answer, "age_distribution", "clients"),
        average_age=ages["average_age"],
        median_age=ages["median_age"],
        document_types=_counts(answer, "document_types", "clients"),
        gender_distribution=genders,
        clients_by_state=_counts(answer, "clients_by_state", "clients"),
        missing_birth_dates=everyone["without_age"],
        **ending(answer),
    )


def agent_premiums(answer: Answer) -> pb.GetAgentPremiumsResponse:
    counts = answer.rows[0]
    return pb.GetAgentPremiumsResponse(
        total_agents=counts["total_agents"],
        active_agents=counts["active_agents"],
        inactive_agents=counts["inactive_agents"],
        active_rate=counts["active_rate"],
        agents=[_agent(row) for row in answer.rows if row["agent_id"] is not None],
        without_policies=counts["without_policies"],
        **ending(answer),
    )


def _agent(row: Row) -> pb.AgentPremiums:
    return pb.AgentPremiums(
        agent_id=row["agent_id"],
        code=row["code"],
        name=row["name"],
        is_active=row["is_active"],
        policies=row["policies"],
        total_premium=row["total_premium"],
        average_premium=row["average_premium"],
        customers=row["customers"],
    )


def beneficiary_relationships(answer: Answer) -> pb.GetBeneficiaryRelationshipsResponse:
    everyone = next(row for row in answer.rows if row["relationship"] is None)
    groups = {row["relationship"]: row for row in answer.rows if row is not everyone}
    return pb.GetBeneficiaryRelationshipsResponse(
        total_beneficiaries=everyone["beneficiaries"],
        relationships={name: row["beneficiaries"] for name, row in groups.items()},
        average_beneficiaries_per_client=everyone["per_client"],
        clients_with_beneficiaries=everyone["clients"],
        age_by_relationship={
            name: pb.RelationshipAges(average_age=row["average_age"], minors=row["minors"])
            for name, row in groups.items()
        },
        **ending(answer),
    )


def growth_by_state(answer: Answer) -> pb.GetGrowthByStateResponse:
    months = answer.parameters["months"]
    answer.check_entries(months * sum(row["month"] is None for row in answer.rows))
    states = {
        row["state"]: pb.StateGrowth(
            total=row["users"],
            monthly=_months(answer, months),
            growth_rate=row["growth_rate"],
            cumulative=row["cumulative"],
        )
        for row in answer.rows
        if row["month"] is None
    }
    for row in answer.rows:
        if row["month"] is not None:
            states[row["state"]].monthly[row["month"]] = row["users"]
    fastest = [row for row in answer.rows if row["place"] is not None]
    return pb.GetGrowthByStateResponse(
        months=months,
        states=states,
        fastest_growing=[pb.GrowingState(state=row["state"], growth_rate=row["growth_rate"]) for row in fastest],
        **ending(answer),
    )


def data_quality(answer: Answer) -> pb.GetDataQualityReportResponse:
    overall = next(row for row in answer.rows if row["dataset"] is None)
    datasets = {
        row["dataset"]: pb.DatasetQuality(
            rows=row["size"], duplicate_keys=row["repeated"], quality_score=row["quality_score"]
        )
        for row in answer.rows
        if row["dataset"] is not None and row["name"] is None
    }
    for row in answer.rows:
        if row["name"] is not None and row["is_there"]:
            dataset = datasets[row["dataset"]]
            dataset.columns[row["name"]].CopyFrom(_column(row))
            if row["orphans"] is not None:
                dataset.orphans[row["name"]] = row["orphans"]
    return pb.GetDataQualityReportResponse(
        datasets=datasets, overall_quality_score=overall["quality_score"], **ending(answer)
    )


def _column(row: Row) -> pb.ColumnQuality:
    return pb.ColumnQuality(
        missing=row["missing"],
        missing_rate=row["missing_rate"],
        distinct=row["distinct_values"],
        invalid=row["invalid"],
    )


def _row(answer: Answer, part: str) -> Row:
    return next(row for row in answer.rows if row["part"] == part)


def _counts(answer: Answer, part: str, column: str) -> dict[str, int]:
    return {row["name"]: row[column] for row in answer.rows if row["part"] == part}


def _months(answer: Answer, months: int) -> dict[str, int]:
    """Each month of the window with nothing in it yet."""
    return dict.fromkeys(last_months(answer.as_of, months), 0) if answer.as_of else {}
