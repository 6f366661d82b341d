"""Calls that must not be done twice."""

from service_runtime.migrations import create_idempotency_table

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_idempotency_table()
