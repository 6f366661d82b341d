"""People: numbers, settings, invitations, resets of passwords."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds nothing yet."""
