"""What is known of a table of a source: what is asked, what the database's catalog says, what the lake has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column and its type, named as DuckDB names it; what no other type holds faithfully is VARCHAR."""

    name: str
    type: str

    def as_json(self) -> dict[str, str]:
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True)
class WantedTable:
    """A table that is to be copied, as the tenant said it."""

    name: str
    cursor: str = ""
    key_columns: tuple[str, ...] = ()
    contract: str = "evolve"

    @property
    def short_name(self) -> str:
        """The name without schema."""
        return self.name.rpartition(".")[2]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "cursor": self.cursor,
            "key_columns": list(self.key_columns),
            "contract": self.contract,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "WantedTable":
        return cls(value["name"], value["cursor"], tuple(value["key_columns"]), value["contract"])


@dataclass(frozen=True)
class Shape:
    """A table as the database's catalog has it; `schema` and `name` are spelled as there."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class TableState:
    """How far a table has come: what the lake has of it since its last run."""

    name: str
    dataset: str
    columns: tuple[Column, ...] = ()
    cursor: str = ""
    cursor_value: str = ""
    rows: int = 0
    deleted_rows: int = 0
    drift: str = ""
    # The object that the last run wrote, by which a file that somebody else has put there is known.
    path: str = ""
    etag: str = ""


@dataclass(frozen=True)
class Cut:
    """Reads only rows from a value of the cursor on; those without a value always."""

    column: Column
    value: str


@dataclass(frozen=True)
class Read:
    """What one reading gave: how many rows, and the largest value of the cursor in the same snapshot."""

    rows: int
    cursor_value: str = ""


@dataclass
class Counts:
    """Rows of a run or a table; `read` is the sum of the three others."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0

    def add(self, other: "Counts") -> None:
        self.read += other.read
        self.written += other.written
        self.unchanged += other.unchanged
        self.rejected += other.rejected


@dataclass(frozen=True)
class Rejected:
    """A row or value that the table's contract leaves out."""

    table: str
    row: int
    column: str
    value: str
    reason: str
    raw: str


@dataclass
class Written:
    """A table's new content, ready to take the place of the old."""

    file: Any
    path: str
    columns: tuple[Column, ...]
    rows: int
    counts: Counts
    deleted: int = 0
    notes: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
