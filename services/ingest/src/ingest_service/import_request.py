"""What a caller asks of an import, checked before the file has arrived."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from service_runtime.errors import InvalidArgument
from service_runtime.time_zones import time_zones

from ingest_service.columns import parse_mapping
from ingest_service.file_types import FORMATS
from ingest_service.reading.encoding import check_encoding
from ingest_service.targets import TARGETS
from ingest_service.texts import refuse_nul

KINDS = ("posts", "metrics", "comments", "transactions", "dataset")
_DATASET = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}(/[a-z0-9][a-z0-9_-]{0,62})?")


@dataclass(frozen=True)
class ImportRequest:
    """The parameters of an import, with the defaults filled in."""

    kind: str
    account: str = ""
    account_column: str = ""
    create_accounts: bool = False
    dataset: str = ""
    mapping: str = ""
    timezone: str = "UTC"
    on_error: str = "skip"
    dry_run: bool = False
    delimiter: str = ""
    encoding: str = ""
    format: str = ""
    sheet: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def content_key(self, sha256: str, part: str) -> str:
        """Names the rows of this part of a file with this hash. A dataset that is read otherwise is another table;
        transactions that are only read otherwise would be there twice."""
        read = [part, self.delimiter, self.encoding] if self.kind == "dataset" else [part]
        return hashlib.sha256(json.dumps([sha256, *read]).encode()).hexdigest() if any(read) else sha256

    @property
    def has_accounts(self) -> bool:
        return self.kind in ("posts", "metrics", "comments")


def is_dataset_name(name: str) -> bool:
    """Tells whether a table can have this name."""
    return _DATASET.fullmatch(name) is not None


def check(request: ImportRequest) -> ImportRequest:
    """Gives the request back where it can be done; raises InvalidArgument where not."""
    if request.kind not in KINDS:
        raise InvalidArgument("UNKNOWN_KIND", f"kind must be one of {', '.join(KINDS)}.", kind=request.kind[:50])
    refuse_nul(request.as_json())
    if request.has_accounts:
        _check_account(request)
    if request.kind == "dataset" and not is_dataset_name(request.dataset):
        raise InvalidArgument(
            "DATASET_REQUIRED",
            "dataset must name the table by lower-case letters, digits, _ and -, as in mysql/users.",
            dataset=request.dataset[:130],
        )
    if request.on_error not in ("skip", "fail"):
        raise InvalidArgument("BAD_ON_ERROR", "on_error must be skip or fail.")
    if len(request.delimiter.encode()) > 1 or request.delimiter in ('"', "\n", "\r"):
        raise InvalidArgument("BAD_DELIMITER", "delimiter must be one ASCII character.")
    if request.format not in ("", *FORMATS):
        raise InvalidArgument("BAD_FORMAT", f"format must be one of {', '.join(FORMATS)}.")
    check_encoding(request.encoding)
    check_timezone(request.timezone)
    if request.kind in TARGETS:
        parse_mapping(request.kind, request.mapping)
    return request


def _check_account(request: ImportRequest) -> None:
    if not request.account and not request.account_column:
        raise InvalidArgument("ACCOUNT_REQUIRED", f"kind={request.kind} needs account or account_column.")
    if request.account and request.account_column:
        raise InvalidArgument("ACCOUNT_AMBIGUOUS", "Give account or account_column, not both.")
    if len(request.account) > 200:
        raise InvalidArgument("BAD_ACCOUNT", "An account's name has at most 200 characters.")


def check_timezone(name: str) -> ZoneInfo:
    """Gives the IANA time zone; raises where there is none of that name."""
    if name not in time_zones():
        raise InvalidArgument("BAD_TIMEZONE", "There is no such IANA time zone.", timezone=name[:100])
    return ZoneInfo(name)
