"""A job as it stands in the table `jobs`."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping

JobStatus = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
ENDED: frozenset[JobStatus] = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


@dataclass(frozen=True)
class JobRecord:
    """One job. `id` names the service and the job, as in `ingest/0192f3a4-…`."""

    id: str
    tenant_id: UUID
    kind: str
    status: JobStatus
    progress: float
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int
    error: str
    code: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    details: dict[str, str]
    payload: dict[str, Any]
    result: dict[str, Any]
    attempt: int
    requested_by: str
    cancel_requested: bool

    @property
    def ended(self) -> bool:
        return self.status in ENDED


_COLUMNS = tuple(field.name for field in fields(JobRecord))


def read_record(service: str, row: RowMapping) -> JobRecord:
    """Makes the record of a row of the table."""
    return JobRecord(**{name: row[name] for name in _COLUMNS if name != "id"}, id=f"{service}/{row['id']}")
