"""Jobs that ended long ago are removed."""

from service_runtime.migrations import let_ended_jobs_be_removed

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    let_ended_jobs_be_removed()
