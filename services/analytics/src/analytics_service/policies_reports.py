"""The reports over products, policies and coverages: what each reads."""

from analytics_service.datasets import CLAIMS, COVERAGES, POLICIES, PRODUCTS
from analytics_service.reports import POLICY_DATES, POLICY_TIMES, Input, Report

PRODUCT_OVERVIEW = Report(
    "policies/product_overview", (Input(PRODUCTS, ("product_type", "base_premium"), optional=("description",)),)
)
POLICY_OVERVIEW = Report(
    "policies/policy_overview",
    (
        Input(
            POLICIES,
            ("agent_id", "premium", "sum_insured"),
            optional=("product_id", "status", *POLICY_DATES, "end_date"),
        ),
        Input(PRODUCTS, ("id", "product_type")),
    ),
    times=(POLICY_TIMES,),
)
COVERAGE_OVERVIEW = Report(
    "policies/coverage_overview",
    (
        Input(COVERAGES, ("policy_id", "coverage_name", "coverage_limit", "deductible")),
        Input(POLICIES, ("id",), optional=POLICY_DATES),
    ),
    times=(POLICY_TIMES,),
)
PRODUCT_PROFITABILITY = Report(
    "policies/product_profitability",
    (
        Input(PRODUCTS, ("id", "code", "name", "product_type")),
        Input(POLICIES, ("policy_number", "premium", "sum_insured", "product_id"), optional=POLICY_DATES),
        Input(CLAIMS, ("policy_number", "estado", "monto")),
    ),
    times=(POLICY_TIMES,),
)
POLICY_TRENDS = Report(
    "policies/policy_trends",
    (Input(POLICIES, ("premium",), optional=("status", *POLICY_DATES), any_of=POLICY_DATES),),
    times=(POLICY_TIMES,),
)
