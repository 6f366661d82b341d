"""Calls that must not be done twice."""

from service_runtime.migrations import create_idempotency_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_idempotency_table()
