"""Runs one attempt at a job and decides what its end means."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog
from opentelemetry import propagate, trace

from service_runtime.connection_loss import as_unavailable
from service_runtime.database import Database, session_purpose
from service_runtime.errors import DeadlineExceeded, ServiceError, Unavailable
from service_runtime.jobs.attempts import Attempt, Attempts
from service_runtime.jobs.defer import TASK
from service_runtime.jobs.run import JobCancelled, JobRun, StaleAttempt
from service_runtime.jobs.stalled import purpose_of
from service_runtime.request import current_request, read_request
from service_runtime.telemetry.metrics import JOB_SECONDS, JOBS

_log = structlog.stdlib.get_logger("service_runtime.worker")
_tracer = trace.get_tracer("service_runtime")

_UNFORESEEN = "Something went wrong on our side; it was tried several times."


class Execution:
    """The task that the queue calls."""

    def __init__(
        self,
        database: Database,
        service: str,
        attempts: Attempts,
        handlers: Mapping[str, Callable[[JobRun], Awaitable[None]]],
    ) -> None:
        self._database = database
        self._service = service
        self._attempts = attempts
        self._handlers = handlers

    async def run(self, tenant_id: str, job_id: str, trace: Mapping[str, str], request_id: str) -> None:
        """Begins the next attempt and sees it to its end."""
        session_purpose.set(purpose_of(TASK, {"job_id": job_id}))
        attempt = await self._attempts.begin(UUID(tenant_id), UUID(job_id))
        if attempt is None:
            return
        request = read_request(f"job/{attempt.kind}", [("x-request-id", request_id)])
        current_request.set(request)
        structlog.contextvars.bind_contextvars(tenant_id=tenant_id, job_id=f"{self._service}/{job_id}")
        started = time.perf_counter()
        with _tracer.start_as_current_span(f"job {attempt.kind}", context=propagate.extract(dict(trace))) as span:
            span.set_attribute("atalaya.tenant_id", tenant_id)
            outcome = await self._outcome(attempt)
            span.set_attribute("atalaya.job_outcome", outcome)
        seconds = time.perf_counter() - started
        JOBS.labels(attempt.kind, outcome).inc()
        JOB_SECONDS.labels(attempt.kind).observe(seconds)
        _log.info("job", kind=attempt.kind, attempt=attempt.attempt, outcome=outcome, seconds=round(seconds, 3))

    async def _outcome(self, attempt: Attempt) -> str:
        try:
            await self._handle(attempt)
        except JobCancelled:
            await self._attempts.end(attempt, "CANCELLED")
            return "cancelled"
        except StaleAttempt:
            return "stale"
        except asyncio.CancelledError:
            # The worker stops: the job waits for the next one, and this attempt does not count against it. The
            # cancellation ends here, or the queue would take it for an error and queue the job a second time.
            await asyncio.shield(self._attempts.requeue(attempt, released=True))
            return "released"
        except Exception as error:
            return await self._failed(attempt, error)
        await self._attempts.end(attempt, "SUCCEEDED")
        return "succeeded"

    async def _handle(self, attempt: Attempt) -> None:
        handler = self._handlers.get(attempt.kind)
        if handler is None:
            raise ServiceError("JOB_KIND_UNKNOWN", "No worker knows this kind of job.")
        job_id = f"{self._service}/{attempt.job_id}"
        await handler(JobRun(self._database, attempt.tenant_id, job_id, attempt.attempt, attempt.payload))

    async def _failed(self, attempt: Attempt, error: Exception) -> str:
        known = error if isinstance(error, ServiceError) else as_unavailable(error)
        # What is away may come back; every other known error would be the same the next time.
        passing = known is None or isinstance(known, Unavailable | DeadlineExceeded)
        if passing and not attempt.is_last:
            _log.warning("job failed and is tried again", kind=attempt.kind, attempt=attempt.attempt, error=repr(error))
            await self._attempts.requeue(attempt)
            return "retried"
        if known is None:
            _log.error("job failed unforeseen", kind=attempt.kind, exc_info=error)
            await self._attempts.end(attempt, "FAILED", code="INTERNAL", error=_UNFORESEEN)
        else:
            await self._attempts.end(attempt, "FAILED", code=known.reason, error=known.message)
        return "failed"
