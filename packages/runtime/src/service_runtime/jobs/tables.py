"""The tables of the queue and of the jobs."""

from alembic import op

from service_runtime.migrations import app_role, enable_tenant_isolation, grant_to_app_role

_QUEUE_TABLES = ("procrastinate_jobs", "procrastinate_workers", "procrastinate_events", "procrastinate_periodic_defers")

_JOBS = """
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL DEFAULT 'QUEUED'
        CHECK (status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    progress double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    rows_read integer NOT NULL DEFAULT 0,
    rows_written integer NOT NULL DEFAULT 0,
    rows_unchanged integer NOT NULL DEFAULT 0,
    rows_rejected integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    code text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    details jsonb NOT NULL DEFAULT '{}',
    payload jsonb NOT NULL DEFAULT '{}',
    result jsonb NOT NULL DEFAULT '{}',
    attempt integer NOT NULL DEFAULT 0,
    -- Attempts that ended because their worker was told to stop; they do not count against the job.
    releases integer NOT NULL DEFAULT 0,
    requested_by text NOT NULL DEFAULT '',
    cancel_requested boolean NOT NULL DEFAULT false
)
"""

# A worker removes the old jobs of every tenant, in sessions of theirs. This tells it whose they are and nothing else.
_OLD_JOBS = """
CREATE INDEX jobs_by_end ON jobs (finished_at);
CREATE POLICY ended ON jobs FOR SELECT TO CURRENT_USER USING (current_user <> session_user);
CREATE FUNCTION tenants_with_ended_jobs(days double precision) RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $ids$ SELECT DISTINCT j.tenant_id FROM public.jobs j
             WHERE j.finished_at < now() - make_interval(secs => 86400 * days) $ids$;
REVOKE ALL ON FUNCTION tenants_with_ended_jobs(double precision) FROM PUBLIC;
"""


def create_tables() -> None:
    """Creates all of them and lets the service's role work on them."""
    from procrastinate.schema import SchemaManager

    # The schema is many statements with % signs in them, so it goes to the driver as it is.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration has no connection")
    driver.execute(SchemaManager.get_schema())
    for table in _QUEUE_TABLES:
        grant_to_app_role(table)
        grant_to_app_role(f"SEQUENCE {table}_id_seq", "USAGE, SELECT")
    op.execute(_JOBS)
    op.execute("CREATE INDEX jobs_newest ON jobs (tenant_id, id DESC)")
    # The few that wait or run are counted at each new one; those that ended are ever more.
    op.execute("CREATE INDEX jobs_unfinished ON jobs (tenant_id) WHERE status IN ('QUEUED', 'RUNNING')")
    enable_tenant_isolation("jobs")


def let_ended_jobs_be_found() -> None:
    """Lets a worker learn which tenants have jobs that ended long ago."""
    op.execute(_OLD_JOBS)
    op.execute(f"GRANT EXECUTE ON FUNCTION tenants_with_ended_jobs(double precision) TO {app_role()}")
