"""Between a job as the runtime has it and its message."""

from atalaya.jobs.v1 import job_pb2
from service_runtime.jobs import JobRecord

from analytics_service.convert import timestamp


def job(record: JobRecord) -> job_pb2.Job:
    return job_pb2.Job(
        job_id=record.id,
        kind=record.kind,
        status=job_pb2.JobStatus.Value(record.status),
        progress=record.progress,
        rows_read=record.rows_read,
        rows_written=record.rows_written,
        rows_unchanged=record.rows_unchanged,
        rows_rejected=record.rows_rejected,
        error=record.error,
        code=record.code,
        created_at=timestamp(record.created_at),
        started_at=timestamp(record.started_at) if record.started_at else None,
        finished_at=timestamp(record.finished_at) if record.finished_at else None,
        details=record.details,
        attempt=record.attempt,
        rows_per_second=record.rows_per_second,
        seconds_left=record.seconds_left,
    )
