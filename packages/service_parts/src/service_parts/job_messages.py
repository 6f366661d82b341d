"""A job's message, made of its record."""

from datetime import datetime

from atalaya.jobs.v1.job_pb2 import Job, JobStatus
from google.protobuf.timestamp_pb2 import Timestamp
from service_runtime.jobs import JobRecord


def from_job(job: JobRecord) -> Job:
    return Job(
        job_id=job.id,
        kind=job.kind,
        status=JobStatus.Value(job.status),
        progress=job.progress,
        rows_read=job.rows_read,
        rows_written=job.rows_written,
        rows_unchanged=job.rows_unchanged,
        rows_rejected=job.rows_rejected,
        error=job.error,
        code=job.code,
        created_at=_timestamp(job.created_at),
        started_at=_timestamp(job.started_at),
        finished_at=_timestamp(job.finished_at),
        details=job.details,
        attempt=job.attempt,
        rows_per_second=job.rows_per_second,
        seconds_left=job.seconds_left,
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
