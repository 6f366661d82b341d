"""A job as it stands in the table `jobs`."""

import math
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping

JobStatus = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
# Of less progress nothing can be foretold.
_TELLS_SOMETHING = 0.01
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
    # When the row was read, by the database's clock, which all its times are of.
    read_at: datetime = field(compare=False)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def rows_per_second(self) -> float:
        """Rows read a second since a worker first took the job, until its end; 0 where there are none to count."""
        seconds = self._seconds_worked
        return _three_digits(self.rows_read / seconds) if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> int | None:
        """Seconds until the end if the rest goes like what is done; None where nothing or too little is."""
        seconds = self._seconds_worked
        if self.status != "RUNNING" or self.progress < _TELLS_SOMETHING or seconds <= 0:
            return None
        return math.ceil(_three_digits(seconds * (1 - self.progress) / self.progress))

    @property
    def _seconds_worked(self) -> float:
        if self.started_at is None:
            return 0.0
        return ((self.finished_at or self.read_at) - self.started_at).total_seconds()


_COLUMNS = tuple(column.name for column in fields(JobRecord))


def _three_digits(value: float) -> float:
    """Rounds to three digits, so that two looks at the same state say the same."""
    return float(f"{value:.3g}")


def read_record(service: str, row: RowMapping) -> JobRecord:
    """Makes the record of a row of the table."""
    return JobRecord(**{name: row[name] for name in _COLUMNS if name != "id"}, id=f"{service}/{row['id']}")
