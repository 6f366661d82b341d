"""Where Alembic starts: the runtime knows the database and the roles."""

from service_runtime.migrations import run_environment

run_environment()
