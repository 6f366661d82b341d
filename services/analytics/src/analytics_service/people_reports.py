"""What the reports on users, clients, agents and beneficiaries read."""

from analytics_service.datasets import AGENTS, CLIENT_BENEFICIARIES, CLIENTS, POLICIES, USERS, Dataset
from analytics_service.reports import POLICY_DATES, POLICY_TIMES, REGISTRATIONS, Input, Report


def _whatever_is_there(dataset: Dataset) -> Input:
    return Input(dataset, (), tuple(column.name for column in dataset.columns))


USER_STATISTICS = Report(
    "people/users", (Input(USERS, ("email", "role", "phone", "state", "city", "created_at")),), times=(REGISTRATIONS,)
)
CLIENT_DEMOGRAPHICS = Report(
    "people/clients",
    (
        Input(CLIENTS, ("user_id", "document_type", "birth_date"), ("gender", "state")),
        Input(USERS, ("id", "state", "created_at")),
    ),
    times=(REGISTRATIONS,),
)
AGENT_PREMIUMS = Report(
    "people/agents",
    (
        Input(AGENTS, ("id", "code", "first_name", "last_name", "is_active")),
        Input(POLICIES, ("customer_id", "agent_id", "premium"), POLICY_DATES),
    ),
    times=(POLICY_TIMES,),
)
BENEFICIARY_RELATIONSHIPS = Report(
    "people/beneficiaries",
    (
        Input(CLIENT_BENEFICIARIES, ("client_id", "relationship", "birth_date")),
        Input(USERS, ("created_at",)),
    ),
    times=(REGISTRATIONS,),
)
GROWTH_BY_STATE = Report("people/growth_by_state", (Input(USERS, ("state", "created_at")),), times=(REGISTRATIONS,))
DATA_QUALITY = Report(
    "people/data_quality",
    tuple(_whatever_is_there(dataset) for dataset in (USERS, CLIENTS, AGENTS, CLIENT_BENEFICIARIES)),
    times=(REGISTRATIONS,),
)
