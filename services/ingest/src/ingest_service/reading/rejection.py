"""A row that cannot be taken, and where it stands in the file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejection:
    """`start` and `size` are the row's place in the UTF-8 file that was read, so that its text can be shown."""

    line: int
    column: str
    value: str
    reason: str
    start: int
    size: int
