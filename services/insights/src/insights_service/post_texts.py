"""Reads the texts and days of a tenant's posts from the lake, a batch at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from service_runtime.errors import Unavailable
from service_runtime.lake import Lake

_TABLE = "social/posts"
_MOMENT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Period:
    """Days in a time zone, both ends included; an open end where None."""

    start: date | None
    end: date | None
    timezone: ZoneInfo


@dataclass(frozen=True)
class PostText:
    """The text of one post and its day in the tenant's time zone."""

    day: date
    text: str


class PostTexts:
    """Posts in the lake. All of it blocks."""

    def __init__(self, lake_of: Callable[[UUID], Lake], batch_size: int) -> None:
        self._lake_of = lake_of
        self._batch_size = batch_size

    def batches(self, tenant_id: UUID, accounts: Sequence[str], period: Period) -> Iterator[list[PostText]]:
        """Gives the posts of the accounts that have a text; none where nothing was ever imported."""
        lake = self._lake_of(tenant_id)
        try:
            table = DeltaTable(lake.delta_url(_TABLE), storage_options=lake.storage_options or None)
            scanner = table.to_pyarrow_dataset().scanner(
                columns=["contenido", "fecha_publicacion"],
                filter=_condition(accounts, period),
                batch_size=self._batch_size,
            )
            waiting: list[PostText] = []
            # A month of an account is a file, and often a small one: they are put together to full batches.
            for batch in scanner.to_batches():
                waiting += _texts(batch, period.timezone)
                if len(waiting) >= self._batch_size:
                    yield waiting
                    waiting = []
            if waiting:
                yield waiting
        except TableNotFoundError:
            return
        except (DeltaError, OSError, pa.ArrowException) as error:
            # A file that was merged away under the reader is one of these: the next try reads the new version.
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error


def _condition(accounts: Sequence[str], period: Period) -> pc.Expression:
    condition = pc.field("cuenta").isin(list(accounts))
    moment = pc.field("fecha_publicacion")
    if period.start is not None:
        condition &= moment >= pa.scalar(_midnight(period.start, period.timezone), _MOMENT)
    # The last day that a calendar knows has no day after it.
    if period.end is not None and period.end < date.max:
        condition &= moment < pa.scalar(_midnight(period.end + timedelta(1), period.timezone), _MOMENT)
    return condition


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    if day <= date(1, 1, 2):
        return datetime(1, 1, 1, tzinfo=UTC)
    return datetime.combine(day, time(), timezone).astimezone(UTC)


def _texts(batch: pa.RecordBatch, timezone: ZoneInfo) -> list[PostText]:
    texts, moments = batch.column("contenido").to_pylist(), batch.column("fecha_publicacion").to_pylist()
    return [
        PostText(moment.astimezone(timezone).date(), text)
        for text, moment in zip(texts, moments, strict=True)
        if text and not text.isspace() and moment is not None
    ]
