"""Imports that are asked for twice, and rejected rows that are tried again."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds nothing yet."""
