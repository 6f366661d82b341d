"""Finds jobs whose worker died and queues them again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import text

from service_runtime.database import Database

# Several heartbeats missed; a handler that holds the interpreter for a moment is not dead.
STALLED_SECONDS = 5.0

_STALLED = text(
    "SELECT job.id, job.queue_name, job.task_name, job.args FROM procrastinate_jobs job "
    "LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id "
    "WHERE job.status = 'doing' AND job.queue_name = ANY(:queues) AND (worker.id IS NULL "
    "OR worker.last_heartbeat < now() - make_interval(secs => CAST(:seconds AS float8))) "
    "FOR UPDATE OF job SKIP LOCKED"
)
_KNOWN = text("SELECT count(*) FROM procrastinate_workers WHERE id = ANY(:ids)")
# A new row, not the old one again: should the old worker live after all, it cannot end the new row.
_RETAKE = text(
    "SELECT procrastinate_finish_job_v1(:id, 'failed', true), procrastinate_defer_jobs_v1(ARRAY[ROW("
    "CAST(:queue AS varchar), CAST(:task AS varchar), 0, CAST(NULL AS text), CAST(NULL AS text), "
    "CAST(:args AS jsonb), CAST(NULL AS timestamptz))]::procrastinate_job_to_defer_v1[])"
)
# A worker that is only paused holds its locks for as long, and whoever takes its job would wait for them.
_END_SESSIONS = text(
    "SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity "
    "WHERE application_name = :purpose AND datname = current_database() AND usename = current_user"
)

_log = structlog.stdlib.get_logger("service_runtime.worker")


async def are_known(database: Database, ids: Sequence[int]) -> bool:
    """Tells whether all these workers are still there; one of which nothing was heard is forgotten by the others."""
    async with database.system_session() as session:
        return bool((await session.execute(_KNOWN, {"ids": list(ids)})).scalar_one() == len(ids))


async def retake_stalled(database: Database, queues: Sequence[str]) -> None:
    """Queues again what stalled workers had; several callers at once take each job once."""
    async with database.system_session() as session:
        rows = (await session.execute(_STALLED, {"queues": list(queues), "seconds": STALLED_SECONDS})).all()
        for key, queue, task, args in rows:
            values = {"id": key, "queue": queue, "task": task, "args": json.dumps(args)}
            await session.execute(_RETAKE, values)
            await session.execute(_END_SESSIONS, {"purpose": purpose_of(task, args)})
            _log.warning("job of a dead worker is queued again", job_id=args.get("job_id"))


def purpose_of(task: str, args: Mapping[str, Any]) -> str:
    """Names what a task of the queue does, as its transactions are named."""
    return f"{task} {args.get('job_id') or args.get('tenant_id')}"[:63]
