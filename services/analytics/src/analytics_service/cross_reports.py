"""What the reports across the sources read."""

from analytics_service.datasets import AGENTS, CLAIMS, CLIENTS, POLICIES, PRODUCTS, USERS
from analytics_service.reports import CLAIM_TIMES, POLICY_CLAIMS, POLICY_DATES, POLICY_TIMES, Input, LookUp, Report

CUSTOMER_POLICY_PROFILE = Report(
    "cross/customer_policy_profile",
    (
        Input(USERS, ("id", "state")),
        Input(CLIENTS, ("user_id", "first_name", "last_name", "birth_date"), ("id", "state")),
        Input(POLICIES, ("customer_id", "premium", "sum_insured"), POLICY_DATES),
    ),
    times=(POLICY_TIMES,),
)
AGENT_PERFORMANCE = Report(
    "cross/agent_performance",
    (
        Input(USERS, ("id", "state")),
        Input(CLIENTS, ("user_id",), ("id", "state")),
        Input(AGENTS, ("id", "code", "first_name", "last_name", "is_active")),
        Input(POLICIES, ("policy_number", "customer_id", "agent_id", "premium"), POLICY_DATES),
        Input(CLAIMS, ("policy_number", "estado", "monto")),
    ),
    times=(POLICY_TIMES,),
)
CLAIMS_VERSUS_POLICIES = Report(
    "cross/claims_vs_policies",
    (
        Input(PRODUCTS, ("id", "product_type")),
        Input(POLICIES, ("policy_number", "premium", "sum_insured"), ("product_id", *POLICY_DATES)),
        Input(CLAIMS, ("policy_number", "estado", "monto", "fecha_reclamo")),
    ),
    (POLICY_TIMES, CLAIM_TIMES),
    (
        LookUp("look_ups/product_types", (PRODUCTS,)),
        LookUp("look_ups/policy_kinds", (PRODUCTS, POLICIES)),
        LookUp("look_ups/contract_kinds", (PRODUCTS, POLICIES)),
        POLICY_CLAIMS,
    ),
)
