"""Trainings as jobs: asked for, waited for a while, and their failures raised again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service_runtime.errors import Conflict, Internal, InvalidArgument, ServiceError, Unavailable
from service_runtime.identity import Identity
from service_runtime.jobs import JobQueue, JobRecord

from ml_service.store import Store

TRAIN_FORECAST = "train_forecast"
TRAIN_CLUSTERS = "train_clusters"

_RAISED_AGAIN: Mapping[str, type[ServiceError]] = {
    "FORECAST_HISTORY_TOO_SHORT": InvalidArgument,
    "CLUSTER_HISTORY_TOO_SHORT": InvalidArgument,
    "LAKE_UNAVAILABLE": Unavailable,
}


class TrainingJobs:
    """Queues a training and waits for it."""

    def __init__(self, store: Store, jobs: JobQueue, *, wait_seconds: float) -> None:
        self._store = store
        self._jobs = jobs
        self._wait_seconds = wait_seconds

    async def train(self, identity: Identity, kind: str, username: str, **wanted: Any) -> JobRecord:
        """The job as it stands when it has ended or the wait is over; a failed or cancelled one is raised."""
        payload = {
            "username": username,
            "timezone": identity.timezone,
            "trained_by": identity.username or identity.subject,
            **wanted,
        }
        async with self._store.transaction(identity.tenant_id) as session:
            job = await self._jobs.enqueue(
                session,
                tenant_id=identity.tenant_id,
                kind=kind,
                payload=payload,
                requested_by=identity.subject,
            )
        job = await self._jobs.wait(identity.tenant_id, job.id, self._wait_seconds)
        if job.status == "FAILED":
            raise _RAISED_AGAIN.get(job.code, Internal)(job.code or "INTERNAL", job.error, **job.details)
        if job.status == "CANCELLED":
            raise Conflict("TRAINING_CANCELLED", "The training was cancelled before its end.", job_id=job.id)
        return job
