"""What the activity reports read."""

from analytics_service.datasets import AUDIT, CLAIMS, PAYMENTS, POLICIES
from analytics_service.reports import AUDIT_TIMES, CLAIM_TIMES, PAYMENT_TIMES, Input, Report

CLAIMS_REPORT = Report(
    "activity/claims",
    (Input(CLAIMS, ("estado", "monto", "fecha_reclamo", "policy_number")),),
    times=(CLAIM_TIMES,),
)
PAYMENTS_REPORT = Report(
    "activity/payments",
    (Input(PAYMENTS, ("customer_id", "monto", "metodo_pago", "fecha_pago")),),
    times=(PAYMENT_TIMES,),
)
TRANSACTION_AUDIT = Report(
    "activity/transaction_audit",
    (Input(AUDIT, ("timestamp", "servicio", "operacion", "user_id")),),
    times=(AUDIT_TIMES,),
)
CLAIMS_PAYMENTS_CORRELATION = Report(
    "activity/claims_payments_correlation",
    (
        Input(POLICIES, ("policy_number", "customer_id")),
        Input(CLAIMS, ("policy_number", "monto", "fecha_reclamo")),
        Input(PAYMENTS, ("customer_id", "monto", "fecha_pago")),
    ),
    times=(CLAIM_TIMES, PAYMENT_TIMES),
)
ACTIVITY_PATTERNS = Report(
    "activity/activity_patterns",
    (Input(AUDIT, ("timestamp", "servicio")),),
    times=(AUDIT_TIMES,),
)
