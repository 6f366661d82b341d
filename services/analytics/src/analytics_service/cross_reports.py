"""What the reports across the sources read."""

from analytics_service.datasets import AGENTS, CLAIMS, CLIENTS, POLICIES, PRODUCTS, USERS
from analytics_service.reports import CLAIM_TIMES, POLICY_DATES, Input, LookUp, Report

_POLICY_DATES = ("start_date", "issue_date", "created_at")

CUSTOMER_POLICY_PROFILE = Report(
    "cross/customer_policy_profile",
    (
        Input(USERS, ("id", "state")),
        Input(CLIENTS, ("user_id", "first_name", "last_name", "birth_date"), ("id", "state")),
        Input(POLICIES, ("customer_id", "premium", "sum_insured"), _POLICY_DATES),
    ),
    times=(POLICY_DATES,),
)
AGENT_PERFORMANCE = Report(
    "cross/agent_performance",
    (
        Input(USERS, ("id", "state")),
        Input(CLIENTS, ("user_id",), ("id", "state")),
        Input(AGENTS, ("id", "code", "first_name", "last_name", "is_active")),
        Input(POLICIES, ("policy_number", "customer_id", "agent_id", "premium"), _POLICY_DATES),
        Input(CLAIMS, ("policy_number", "estado", "monto")),
    ),
    times=(POLICY_DATES,),
)
CLAIMS_VERSUS_POLICIES = Report(
    "cross/claims_vs_policies",
    (
        Input(PRODUCTS, ("id", "product_type")),
        Input(POLICIES, ("policy_number", "premium", "sum_insured"), ("product_id", *_POLICY_DATES)),
        Input(CLAIMS, ("policy_number", "estado", "monto", "fecha_reclamo")),
    ),
    (POLICY_DATES, CLAIM_TIMES),
    tuple(
        LookUp(f"look_ups/{name}", (PRODUCTS, POLICIES)) for name in ("product_types", "policy_kinds", "contract_kinds")
    ),
)
