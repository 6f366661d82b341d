"""Puts a job into procrastinate's queue inside the caller's own transaction, by its SQL function."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from opentelemetry import propagate
from sqlalchemy import text

from service_runtime.database import Session
from service_runtime.request import current_request

TASK = "run_job"

# The connectors of procrastinate open transactions of their own; the function is what they call in theirs.
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(CAST(:queue AS varchar), CAST(:task AS varchar), 0, "
    "CAST(NULL AS text), CAST(NULL AS text), CAST(:args AS jsonb), "
    "CASE WHEN CAST(:seconds AS float8) > 0 THEN now() + make_interval(secs => CAST(:seconds AS float8)) END"
    ")]::procrastinate_job_to_defer_v1[])"
)


async def defer(session: Session, service: str, tenant_id: UUID, job_id: UUID, *, seconds: float = 0) -> None:
    """Queues one attempt at a job, to begin `seconds` from now at the earliest."""
    carried: dict[str, str] = {}
    propagate.inject(carried)
    request = current_request.get()
    args = {
        "tenant_id": str(tenant_id),
        "job_id": str(job_id),
        "trace": carried,
        "request_id": request.request_id if request is not None else "",
    }
    await defer_task(session, service, TASK, args, seconds=seconds)


async def defer_task(session: Session, queue: str, task: str, args: Mapping[str, Any], *, seconds: float = 0) -> None:
    """Queues a call of a task with these arguments."""
    await session.execute(_DEFER, {"queue": queue, "task": task, "args": json.dumps(args), "seconds": float(seconds)})
