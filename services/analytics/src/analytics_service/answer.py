"""What a report found, as converters take it, and what is refused because no reply can hold it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from service_runtime.errors import Unprocessable

from analytics_service.query_engine import Row

# Bytes of a name and a number in a map.
SHORT_ENTRY = 8


@dataclass(frozen=True)
class DataIssue:
    """How many values of a column are there and do not parse."""

    dataset: str
    column: str
    bad_values: int


@dataclass(frozen=True)
class Answer:
    """A report's rows, the end of its window in UTC (None where it has none) and the values that it could not read.

    A reply of it may have `largest_reply` bytes.
    """

    rows: list[Row]
    as_of: datetime | None
    parameters: Mapping[str, int]
    data_issues: list[DataIssue]
    largest_reply: int

    def check_entries(self, entries: int) -> None:
        """Refuses a reply of so many entries before it is made, where not even short ones fit: REPLY_TOO_LARGE."""
        if (least := entries * SHORT_ENTRY) > self.largest_reply:
            raise too_large(least, self.largest_reply)


def too_large(size: int, largest: int) -> Unprocessable:
    """A reply of at least `size` bytes where `largest` is the most: REPLY_TOO_LARGE."""
    message = (
        f"The reply would have {size / 1e6:.1f} MB or more, and {largest / 1e6:.1f} MB is the most: "
        "a column that the report lists or groups by has too many different values."
    )
    return Unprocessable("REPLY_TOO_LARGE", message, size=size, largest=largest)
