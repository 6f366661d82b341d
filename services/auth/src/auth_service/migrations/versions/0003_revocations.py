"""Revocations: sessions that ended while access tokens of theirs may still live."""

from alembic import op
from service_runtime.migrations import grant_to_app_role

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds a table that belongs to no tenant: it outlives sessions and people, and holds nothing but random ids."""
    op.execute(
        """CREATE TABLE revocations (
               session_id uuid PRIMARY KEY,
               until timestamptz NOT NULL,
               is_told boolean NOT NULL DEFAULT false
           )"""
    )
    op.execute("CREATE INDEX revocations_untold ON revocations (session_id) WHERE NOT is_told")
    op.execute("CREATE INDEX revocations_by_end ON revocations (until)")
    grant_to_app_role("revocations")
