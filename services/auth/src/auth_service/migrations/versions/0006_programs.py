"""Programs: API keys and proofs of services."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds nothing yet."""
