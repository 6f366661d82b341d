"""Databases that feed the lake."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds nothing yet."""
