"""What a caller asks of an export, checked before it is queued."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from service_runtime.errors import InvalidArgument

from ingest_service.import_request import is_dataset_name
from ingest_service.record_kinds import RECORD_KINDS
from ingest_service.records import days

_FIRST_YEAR, _YEAR_AFTER = 1900, 2200


@dataclass(frozen=True)
class ExportRequest:
    """The parameters of an export; the times are the beginning of the first day and the end of the last."""

    kind: str
    format: str
    account: str = ""
    dataset: str = ""
    raw: bool = False
    since: str = ""
    before: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def has_accounts(self) -> bool:
        return self.kind in RECORD_KINDS

    @property
    def times(self) -> tuple[datetime | None, datetime | None]:
        return _moment(self.since), _moment(self.before)


def export_request(
    kind: str, format_name: str, account: str, days_asked: tuple[str, str], timezone: str, dataset: str, raw: bool
) -> ExportRequest:
    """Makes the request; raises InvalidArgument where it cannot be done as it is asked for."""
    since, before = days(*days_asked, timezone, ("start_date", "end_date"))
    if kind == "dataset" and not is_dataset_name(dataset):
        raise InvalidArgument(
            "DATASET_REQUIRED", "dataset must name the table, as in mysql/users.", dataset=dataset[:130]
        )
    # Passed over in silence, they would let the caller believe that the file holds less than it does.
    given = {"account": account, "start_date": days_asked[0], "end_date": days_asked[1], "dataset": dataset}
    for name in _without_meaning(kind):
        if given[name]:
            raise InvalidArgument("PARAMETER_NOT_APPLICABLE", f"{name} says nothing of {kind}.", parameter=name)
    return ExportRequest(
        kind=kind,
        format=format_name,
        account=account,
        dataset=dataset if kind == "dataset" else "",
        raw=raw,
        # Nothing that is kept is older than 1900 or of 2200, and such times are not the same in every library.
        since=since.isoformat() if since and since.year >= _FIRST_YEAR else "",
        before=before.isoformat() if before and before.year < _YEAR_AFTER else "",
    )


def _without_meaning(kind: str) -> tuple[str, ...]:
    if kind == "dataset":
        return "account", "start_date", "end_date"
    return ("account", "dataset") if kind == "transactions" else ("dataset",)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
