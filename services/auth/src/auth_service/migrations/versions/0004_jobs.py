"""Jobs: what auth does after it has answered."""

from service_runtime.migrations import create_job_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the queue and the table of jobs."""
    create_job_tables()
