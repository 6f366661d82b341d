"""A job's message, made of its record."""

from atalaya.jobs.v1.job_pb2 import Job, JobStatus
from service_runtime.jobs import JobRecord

from service_parts.times import timestamp


def from_job(job: JobRecord) -> Job:
    return Job(
        job_id=job.id,
        kind=job.kind,
        status=JobStatus.Value(job.status),
        progress=job.progress,
        rows_read=_rows_read(job),
        rows_written=job.rows_written,
        rows_unchanged=job.rows_unchanged,
        rows_rejected=job.rows_rejected,
        error=job.error,
        code=job.code,
        created_at=timestamp(job.created_at),
        started_at=timestamp(job.started_at),
        finished_at=timestamp(job.finished_at),
        details=job.details,
        attempt=job.attempt,
        rows_per_second=job.rows_per_second,
        seconds_left=job.seconds_left,
    )


def _rows_read(job: JobRecord) -> int:
    """Of a job that came to nothing the rows it had read on the way are neither written nor rejected, and not told."""
    if job.status in ("FAILED", "CANCELLED"):
        return job.rows_written + job.rows_unchanged + job.rows_rejected
    return job.rows_read
