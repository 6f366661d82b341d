"""Records that callers change one by one, and comments."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds nothing yet."""
