"""Erasure: how a tenant leaves."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds nothing yet."""
