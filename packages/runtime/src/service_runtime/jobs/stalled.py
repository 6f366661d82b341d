"""Finds jobs whose worker died and queues them again."""

import json

import structlog
from sqlalchemy import text

from service_runtime.database import Database

# Several heartbeats missed; a handler that holds the interpreter for a moment is not dead.
STALLED_SECONDS = 5.0

_STALLED = text(
    "SELECT job.id, job.args FROM procrastinate_jobs job "
    "LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id "
    "WHERE job.status = 'doing' AND job.queue_name = :queue AND (worker.id IS NULL "
    "OR worker.last_heartbeat < now() - make_interval(secs => CAST(:seconds AS float8))) "
    "FOR UPDATE OF job SKIP LOCKED"
)
# A new row, not the old one again: should the old worker live after all, it cannot end the new row.
_RETAKE = text(
    "SELECT procrastinate_finish_job_v1(:id, 'failed', true), procrastinate_defer_jobs_v1(ARRAY[ROW("
    "CAST(:queue AS varchar), CAST('run_job' AS varchar), 0, CAST(NULL AS text), CAST(NULL AS text), "
    "CAST(:args AS jsonb), CAST(NULL AS timestamptz))]::procrastinate_job_to_defer_v1[])"
)

_log = structlog.stdlib.get_logger("service_runtime.worker")


async def retake_stalled(database: Database, service: str) -> None:
    """Queues again what stalled workers had; several callers at once take each job once."""
    async with database.system_session() as session:
        rows = (await session.execute(_STALLED, {"queue": service, "seconds": STALLED_SECONDS})).all()
        for key, args in rows:
            await session.execute(_RETAKE, {"id": key, "queue": service, "args": json.dumps(args)})
            _log.warning("job of a dead worker is queued again", job_id=args.get("job_id"))
