"""The erasure of a tenant: how far it is, and what comes next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

# To look whether anything came in behind the first look.
_SOON = timedelta(seconds=2)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
_UNTIL_TOLD = timedelta(seconds=30)


@dataclass(frozen=True)
class Erased:
    """What was found and erased."""

    rows: int = 0
    objects: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        return Erased(self.rows + other.rows, self.objects + other.objects)

    def __bool__(self) -> bool:
        return bool(self.rows or self.objects)


@dataclass(frozen=True)
class Sweep:
    """What one look at everything gave; `away` names the services that did not answer, so it may not be all."""

    erased: Erased
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class Erasure:
    """An erasure; `leaving` is None when nothing of the tenant can come any more."""

    erasure_id: UUID
    leaving: UUID | None
    requested_at: datetime
    calls_end_at: datetime
    due_at: datetime
    attempts: int = 0
    erased_rows: int = 0
    erased_objects: int = 0
    finished_at: datetime | None = None
    swept_again_at: datetime | None = None

    @property
    def status(self) -> Literal["QUEUED", "RUNNING", "SUCCEEDED"]:
        if self.finished_at is not None:
            return "SUCCEEDED"
        return "RUNNING" if self.attempts else "QUEUED"

    def after(self, sweep: Sweep, now: datetime, *, is_told: bool) -> Self:
        """Gives how it stands after a sweep. `is_told`: every service refuses the tenant's tokens.

        It is done when a sweep finds nothing while no token holds; one more comes when calls that had begun are over.
        """
        counted = replace(
            self,
            erased_rows=self.erased_rows + sweep.erased.rows,
            erased_objects=self.erased_objects + sweep.erased.objects,
        )
        if sweep.away:
            pause = min(_FIRST_PAUSE * 2 ** min(self.attempts, 10), _LONGEST_PAUSE)
            return replace(counted, due_at=now + pause)
        if sweep.erased:
            return replace(counted, due_at=now + _SOON)
        if now >= self.calls_end_at:
            return replace(counted, finished_at=self.finished_at or now, swept_again_at=now, leaving=None)
        if is_told:
            return replace(counted, finished_at=self.finished_at or now, due_at=self.calls_end_at)
        return replace(counted, due_at=min(now + _UNTIL_TOLD, self.calls_end_at))
